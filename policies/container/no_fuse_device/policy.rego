# METADATA
# title: The FUSE device
# description: "With /dev/fuse a container mounts file systems of its own making."
# custom:
#   id: no-fuse-device
#   severity: low
#   remediation: "Mount on the host, or ask for an exception."
#   references:
#     - "CIS Docker Benchmark 5.17"
package policyd.policies.no_fuse_device

import data.policyd.lib.workload

violation contains workload.at(w, device.path, msg) if {
	some w in input.workloads
	some device in w.devices
	device.node in {"/dev/fuse", "/dev/char/10:229"}
	msg := sprintf("service %s maps the FUSE device %s", [w.name, device.node])
}
