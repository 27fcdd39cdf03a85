# METADATA
# title: Restarts without a limit
# description: "A container that fails at once is restarted for ever. This uses the host and hides the
#   failure. A restart that is always requested, as for servers, is reported only on request."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.15"
#   - ref: https://docs.docker.com/reference/compose-file/services/#restart
#     description: "Compose file reference: restart"
# custom:
#   id: no-endless-restarts
#   severity: low
#   remediation: "Limit the attempts: `restart: on-failure:5`."
#   parameters:
#     attempts:
#       type: integer
#       minimum: 1
#       default: 5
#       description: How many attempts on-failure may have.
#     also:
#       type: array
#       items: {type: string, enum: [always, unless-stopped]}
#       default: []
#       description: Other conditions that are reported, because they have no limit.
#     gpu_services_only:
#       type: boolean
#       default: false
#       description: Report only services that get an accelerator.
package policyd.policies.no_endless_restarts

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-endless-restarts"]
	some w in workload.containers
	w.restart.condition in ({"on-failure"} | {condition | some condition in c.parameters.also})
	applies(c, w)
	not limited(c, w)
	msg := sprintf("%s is restarted more than %d times: %s", [w.title, c.parameters.attempts, w.restart.condition])
	found := workload.at(w, w.restart.path, msg)
}

limited(c, w) if {
	w.restart.condition == "on-failure"
	w.restart.max_attempts > 0
	w.restart.max_attempts <= c.parameters.attempts
}

applies(c, _) if not c.parameters.gpu_services_only

applies(c, w) if {
	c.parameters.gpu_services_only
	count(w.grants) > 0
}
