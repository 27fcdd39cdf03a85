# METADATA
# title: GPU without an end
# description: "A workload gets a GPU, and the project does not say until when. A training that is over, or
#   that hangs, then keeps its GPU until somebody notices."
# related_resources:
#   - ref: https://github.com/open-policy-agent/gatekeeper-library/pull/737
#     description: "Gatekeeper library, proposal: active deadline of GPU workloads"
# custom:
#   id: require-gpu-lease
#   severity: medium
#   remediation: "Write at the top of the Compose file until when the GPUs are needed: `x-policyd-until:
#     2027-01-31`."
#   parameters:
#     labels:
#       type: array
#       items: {type: string}
#       default: []
#       description: "Only workloads with one of these labels need an end. Empty: all that get a GPU."
package policyd.policies.require_gpu_lease

import data.policyd.lib.gpus
import data.policyd.lib.workload

violation contains object.union(workload.finding(w, [], msg), {"constraint": c.name}) if {
	some c in input.constraints["require-gpu-lease"]
	some w in workload.containers
	gpus.granted(w) != []
	not input.project["x-policyd-until"]
	is_meant(w, c.parameters.labels)
	msg := sprintf("%s gets a GPU without an end: the project has no x-policyd-until", [w.title])
}

is_meant(_, labels) if labels == []

is_meant(w, labels) if {
	some name in labels
	w.labels[name]
}
