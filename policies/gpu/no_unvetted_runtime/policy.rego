# METADATA
# title: Runtime that is not vetted
# description: "Any name that is registered with the engine may stand for a runtime that gives
#   accelerators or leaves out the isolation. The names in the tables of the policy set are vetted, and so
#   are aliases of them that the inventory has for the host."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 2, daemon configuration"
# custom:
#   id: no-unvetted-runtime
#   severity: medium
#   remediation: "Remove `runtime:`, or have the name added to the vetted runtimes of the policy set."
package policyd.policies.no_unvetted_runtime

import data.policyd.lib.workload

violation contains workload.finding(w, ["runtime"], msg) if {
	some w in input.workloads
	not w.runtime_class in {"", "vetted", "nvidia"}
	msg := sprintf("%s runs under the runtime %s, which is not vetted", [w.title, w.runtime])
}
