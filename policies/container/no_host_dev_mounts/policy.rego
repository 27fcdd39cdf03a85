# METADATA
# title: Mount of host devices
# description: "A mounted node, or a directory of nodes, is visible in the container, and opens as
#   soon as the control group lets it. Read-only changes nothing."
# custom:
#   id: no-host-dev-mounts
#   severity: critical
#   remediation: "Reserve the device instead of mounting it."
#   references:
#     - "CIS Docker Benchmark 5.5"
#     - "CIS Docker Benchmark 5.17"
#     - "Pod Security Standards, baseline: hostPath"
package policyd.policies.no_host_dev_mounts

import data.policyd.lib.mounts
import data.policyd.lib.workload

violation contains workload.at(w, found.mount.path, msg) if {
	some w in input.workloads
	some found in mounts.of[w.name]
	found.class == "dev"
	msg := sprintf("service %s mounts devices of the host: %s", [w.name, found.mount.source])
}
