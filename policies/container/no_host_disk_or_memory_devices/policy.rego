# METADATA
# title: Disk or memory of the host
# description: "A raw disk or the memory of the host is the host: its files, its secrets, and the
#   registers of its GPUs."
# custom:
#   id: no-host-disk-or-memory-devices
#   severity: critical
#   remediation: "Mount a directory or a volume."
#   references:
#     - "CIS Docker Benchmark 5.17"
package policyd.policies.no_host_disk_or_memory_devices

import data.policyd.lib.mounts
import data.policyd.lib.nodes
import data.policyd.lib.workload

violation contains workload.at(w, device.path, msg) if {
	some w in input.workloads
	some device in w.devices
	what := disk(device.node)
	msg := sprintf("service %s maps %s of the host: %s", [w.name, what, device.node])
}

violation contains workload.at(w, found.mount.path, msg) if {
	some w in input.workloads
	some found in mounts.of[w.name]
	found.class == "disk"
	what := nodes.disk(found.mount.source)
	msg := sprintf("service %s mounts %s of the host: %s", [w.name, what, found.mount.source])
}

disk(node) := "every disk" if node in {"/", "/dev"}

else := nodes.disk(node)
