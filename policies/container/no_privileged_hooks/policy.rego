# METADATA
# title: Privileged hook
# description: "A lifecycle hook or a watch command that runs privileged leaves the limits of its
#   container; pre_start is a container of its own, with every device."
# custom:
#   id: no-privileged-hooks
#   severity: critical
#   remediation: "Run the hook unprivileged, or prepare in the image."
#   references:
#     - "CIS Docker Benchmark 5.22"
package policyd.policies.no_privileged_hooks

import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	some hook in w.hooks
	hook.privileged
	path := array.concat(hook.path, ["privileged"])
	msg := sprintf("service %s runs its %s hook privileged", [w.name, hook.stage])
}

violation contains workload.finding(w, ["privileged"], msg) if {
	some w in input.workloads
	workload.is_hook(w)
	w.privileged
	msg := sprintf("service %s runs its pre_start hook privileged", [w.service])
}
