# METADATA
# title: GPU service without an owner
# description: "A service that is granted a GPU carries no label that says who answers for it: the
#   ledger names the grant and nobody to ask."
# custom:
#   id: gpu-owner-label
#   severity: low
#   remediation: "Add the label to the service: `labels: {owner: ml-infra}`."
#   references:
#     - "gatekeeper-library: required labels"
#   parameters:
#     labels:
#       type: array
#       items: {type: string}
#       default: [owner]
#       description: Names of labels, one of which must be set.
#     pattern:
#       type: string
#       default: ""
#       description: "A regular expression that the label's value must match (RE2; write ^ and $
#         for the whole of it). Empty: any value."
package policyd.policies.gpu_owner_label

import data.policyd.lib.routes
import data.policyd.lib.workload

granted := [w | some w in input.workloads; routes.of[w.name] != set()]

# owners are the labels of a service that name an owner.
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
	msg := sprintf("service %s is granted a GPU and has no label that names its owner: %s", [w.name, concat(" or ", names)])
}

violation contains object.union(workload.finding(w, ["labels", name], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-owner-label"]
	some w in granted
	some name, value in owners(w, c.parameters.labels)
	not matches(c.parameters.pattern, value)
	msg := sprintf("the label %s of service %s is %s, which does not match %s", [name, w.name, value, c.parameters.pattern])
}

matches("", _) := true

# What is no regular expression matches nothing.
matches(pattern, value) if {
	regex.is_valid(pattern)
	regex.match(pattern, value)
}
