# METADATA
# title: GPU service without an owner
# description: "A workload that gets a GPU does not have a label that names its owner. The ledger of grants
#   then does not show whom to ask."
# related_resources:
#   - ref: https://open-policy-agent.github.io/gatekeeper-library/website/validation/requiredlabels
#     description: "Gatekeeper library, required labels"
# custom:
#   id: gpu-owner-label
#   severity: low
#   remediation: "Add the label to the service: `labels: {owner: ml-infra}`."
#   parameters:
#     labels:
#       type: array
#       items: {type: string}
#       default: [owner]
#       description: The names of the labels. One of them must be set.
#     pattern:
#       type: string
#       default: ""
#       description: "A regular expression (RE2) that the value of the label must match. Use ^ and $ to
#         match all of it. Empty: any value."
package policyd.policies.gpu_owner_label

import data.policyd.lib.gpus
import data.policyd.lib.workload

granted := [w | some w in input.workloads; gpus.granted(w) != []]

# owners are the labels of a workload that name an owner.
owners(w, names) := {name: value |
	some name in names
	value := w.labels[name]
	trim_space(value) != ""
}

violation contains object.union(workload.finding(w, keys, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-owner-label"]
	some w in granted
	names := c.parameters.labels
	owners(w, names) == {}
	keys := [key | key := "labels"; w.labels != {}]
	msg := sprintf("%s gets a GPU and has no label that names its owner: %s", [w.title, concat(" or ", names)])
}

violation contains object.union(workload.finding(w, ["labels", name], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-owner-label"]
	some w in granted
	some name, value in owners(w, c.parameters.labels)
	not matches(c.parameters.pattern, value)
	msg := sprintf("the label %s of %s is %s, which does not match %s", [name, w.title, value, c.parameters.pattern])
}

matches("", _) := true

# An invalid regular expression matches nothing.
matches(pattern, value) if {
	regex.is_valid(pattern)
	regex.match(pattern, value)
}
