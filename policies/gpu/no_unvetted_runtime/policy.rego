# METADATA
# title: Runtime that nobody has vetted
# description: "Any name that is registered with the engine may lead to a runtime that gives
#   accelerators, or leaves out the isolation."
# custom:
#   id: no-unvetted-runtime
#   severity: medium
#   remediation: "Drop `runtime:`, or have the name added to the vetted runtimes of the policy
#     set."
#   references:
#     - "CIS Docker Benchmark 2: daemon configuration"
package policyd.policies.no_unvetted_runtime

import data.policyd.lib.runtimes
import data.policyd.lib.workload

violation contains workload.finding(w, ["runtime"], msg) if {
	some w in input.workloads
	w.runtime != ""
	not runtimes.vendor(w.runtime) in {"", "nvidia"}
	msg := sprintf("service %s runs under the runtime %s, which is not a vetted one", [w.name, w.runtime])
}
