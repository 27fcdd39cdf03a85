# METADATA
# title: Command before or after the start
# description: "Compose runs a command besides the program of the image: in the container when it has started
#   or before it stops, or in a container of its own before. Engines and hosts that start the container
#   without Compose do not run it."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#post_start
#     description: "Compose file reference: post_start, pre_stop"
#   - ref: https://docs.docker.com/compose/how-tos/lifecycle/
#     description: "Docker: lifecycle hooks"
# custom:
#   id: no-lifecycle-hooks
#   severity: low
#   remediation: "Put the command into the entrypoint of the image, or into a service of its own that others
#     depend on."
#   parameters:
#     stages:
#       type: array
#       items: {type: string, enum: [pre_start, post_start, pre_stop]}
#       default: [pre_start, post_start, pre_stop]
#       description: Which hooks are reported.
package policyd.policies.no_lifecycle_hooks

import data.policyd.lib.workload

violation contains object.union(workload.at(w, hook.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["no-lifecycle-hooks"]
	some w in input.workloads
	some hook in w.hooks
	hook.stage in c.parameters.stages
	msg := sprintf("%s has a command at %s", [w.title, hook.stage])
}

violation contains object.union(workload.finding(w, [], msg), {"constraint": c.name}) if {
	some c in input.constraints["no-lifecycle-hooks"]
	some w in input.workloads
	workload.is_hook(w)
	"pre_start" in c.parameters.stages
	msg := sprintf("service %s has a container that runs at pre_start", [w.service])
}
