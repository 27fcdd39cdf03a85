# METADATA
# title: FUSE device
# description: "With /dev/fuse, a container can mount file systems that it implements itself."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.18"
# custom:
#   id: no-fuse-device
#   severity: low
#   remediation: "Mount the file system on the host, and mount its folder into the container, or
#     ask the owners of the policy set for an exception."
package policyd.policies.no_fuse_device

import data.policyd.lib.workload

violation contains workload.at(w, device.path, msg) if {
	some w in input.workloads
	some device in w.devices
	device.node in {"/dev/fuse", "/dev/char/10:229"}
	msg := sprintf("%s maps the FUSE device %s", [w.title, device.node])
}
