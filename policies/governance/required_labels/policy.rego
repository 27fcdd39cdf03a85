# METADATA
# title: Missing label or extension
# description: "A service has none of the labels that the organisation requires, or the project has none of
#   the extensions: whom to ask, what it belongs to, who pays."
# related_resources:
#   - ref: https://open-policy-agent.github.io/gatekeeper-library/website/validation/requiredlabels
#     description: "Gatekeeper library: required labels"
#   - ref: https://docs.docker.com/reference/compose-file/extension/
#     description: "Compose file reference: extensions"
# custom:
#   id: required-labels
#   severity: low
#   remediation: "Add the label to the service, `labels: {owner: team-a}`, or the extension to the project,
#     `x-owner: team-a`."
#   parameters:
#     labels:
#       type: array
#       items: {type: string}
#       default: []
#       description: The labels that every service must have.
#     extensions:
#       type: array
#       items: {type: string}
#       default: []
#       description: "The extensions that the project must have at its top, such as x-owner."
package policyd.policies.required_labels

import data.policyd.lib.workload

violation contains object.union(workload.finding(w, keys, msg), {"constraint": c.name}) if {
	some c in input.constraints["required-labels"]
	some w in workload.containers
	some name in c.parameters.labels
	trim_space(object.get(w.labels, name, "")) == ""
	keys := [key | key := "labels"; w.labels != {}]
	msg := sprintf("%s has no label %s", [w.title, name])
}

violation contains {"msg": msg, "service": "", "path": [], "constraint": c.name} if {
	some c in input.constraints["required-labels"]
	some name in c.parameters.extensions
	object.get(input.project, name, "") in {"", null}
	msg := sprintf("the project has no extension %s", [name])
}
