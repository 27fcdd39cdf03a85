# METADATA
# title: Too many replicas
# description: "The service starts more containers than the policy set allows for one service."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#replicas
#     description: "Compose Deploy Specification: replicas"
#   - ref: https://open-policy-agent.github.io/gatekeeper-library/website/validation/replicalimits
#     description: "Gatekeeper library: replica limits"
# custom:
#   id: max-replicas
#   severity: low
#   remediation: "Lower `scale` or `deploy.replicas`."
#   parameters:
#     limit:
#       type: integer
#       minimum: 0
#       default: 10
#       description: How many replicas a service may have.
package policyd.policies.max_replicas

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["max-replicas"]
	some w in workload.containers
	w.replicas > c.parameters.limit
	msg := sprintf("%s has %d replicas; the limit is %d", [w.title, w.replicas, c.parameters.limit])
	found := workload.finding(w, [], msg)
}
