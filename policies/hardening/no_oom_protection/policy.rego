# METADATA
# title: Protection from the memory killer
# description: "When memory is short, the kernel ends other processes of the host instead of this
#   container."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.11"
#   - ref: https://docs.docker.com/reference/compose-file/services/#oom_kill_disable
#     description: "Compose file reference: oom_kill_disable"
# custom:
#   id: no-oom-protection
#   severity: medium
#   remediation: "Remove `oom_kill_disable` and a negative `oom_score_adj`, and set a limit on memory."
package policyd.policies.no_oom_protection

import data.policyd.lib.workload

violation contains workload.finding(w, ["oom_kill_disable"], msg) if {
	some w in workload.containers
	w.oom_kill_disable
	msg := sprintf("%s is never ended when memory is short", [w.title])
}

violation contains workload.finding(w, ["oom_score_adj"], msg) if {
	some w in workload.containers
	w.oom_score_adj < 0
	msg := sprintf("%s is ended after others when memory is short", [w.title])
}
