# METADATA
# title: No health check
# description: "Without a health check, the engine cannot tell a program that hangs from one that works. A
#   health check in the image is not known here."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 4.6, 5.27"
#   - ref: https://docs.docker.com/reference/compose-file/services/#healthcheck
#     description: "Compose file reference: healthcheck"
# custom:
#   id: require-healthcheck
#   severity: low
#   remediation: "Add `healthcheck` with a `test` that fails when the program does not answer."
package policyd.policies.require_healthcheck

import data.policyd.lib.workload

violation contains workload.finding(w, ["healthcheck"], msg) if {
	some w in workload.containers
	w.kind == "service"
	w.healthcheck != "set"
	msg := sprintf("%s %s", [w.title, problems[w.healthcheck]])
}

problems := {"": "sets no health check", "disabled": "disables its health check"}
