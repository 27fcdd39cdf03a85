# METADATA
# title: Disk or memory of the host
# description: "Access to a raw disk or to the memory of the host is access to the whole host:
#   its files, its secrets, and the registers of its GPUs."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.18"
# custom:
#   id: no-host-disk-or-memory-devices
#   severity: critical
#   remediation: "Mount a folder or a volume instead of the device."
package policyd.policies.no_host_disk_or_memory_devices

import data.policyd.lib.workload

violation contains workload.at(w, device.path, msg) if {
	some w in input.workloads
	some device in w.devices
	device.disk != ""
	msg := sprintf("%s maps %s of the host: %s", [w.title, device.disk, device.node])
}

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.host_class == "disk"
	msg := sprintf("%s mounts %s of the host: %s", [w.title, mount.disk, mount.source])
}
