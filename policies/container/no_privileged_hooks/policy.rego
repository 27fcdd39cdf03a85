# METADATA
# title: Privileged hook
# description: "A lifecycle hook or a watch command that runs privileged bypasses the limits of
#   its container. A pre_start hook is a container of its own, which gets every device."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.23"
#   - ref: https://docs.docker.com/compose/how-tos/lifecycle/
#     description: "Compose: lifecycle hooks"
# custom:
#   id: no-privileged-hooks
#   severity: critical
#   remediation: "Run the hook without `privileged: true`, or do its work when the image is built."
package policyd.policies.no_privileged_hooks

import data.policyd.lib.workload

violation contains workload.finding(w, ["privileged"], msg) if {
	some w in input.workloads
	w.privileged
	workload.is_hook(w)
	msg := sprintf("the pre_start %s runs privileged", [w.title])
}

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	some hook in w.hooks
	hook.privileged
	path := array.concat(hook.path, ["privileged"])
	msg := sprintf("%s runs its %s command privileged", [w.title, hook.stage])
}
