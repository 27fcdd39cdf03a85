# METADATA
# title: Privileged container
# description: "A privileged container sees every device of the host, so its use of GPUs cannot be
#   told from any grant."
# custom:
#   id: no-privileged
#   severity: critical
#   remediation: "Remove `privileged: true`, and grant the one device or capability that is
#     needed."
#   references:
#     - "CIS Docker Benchmark 5.4"
#     - "Pod Security Standards, baseline: privileged containers"
package policyd.policies.no_privileged

import data.policyd.lib.workload

violation contains workload.finding(w, ["privileged"], msg) if {
	some w in input.workloads
	not workload.is_hook(w)
	w.privileged
	msg := sprintf("service %s runs privileged, with every device of the host", [w.name])
}
