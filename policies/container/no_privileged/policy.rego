# METADATA
# title: Privileged container
# description: "A privileged container has access to every device of the host, so its use of GPUs
#   does not depend on any grant."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.5"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: privileged containers"
# custom:
#   id: no-privileged
#   severity: critical
#   remediation: "Remove `privileged: true`, and declare a GPU that is needed as a reservation:
#     `driver: nvidia` with `device_ids: ['0']`."
package policyd.policies.no_privileged

import data.policyd.lib.workload

violation contains workload.finding(w, ["privileged"], msg) if {
	some w in input.workloads
	w.privileged
	not workload.is_hook(w)
	msg := sprintf("%s runs privileged, with every device of the host", [w.title])
}
