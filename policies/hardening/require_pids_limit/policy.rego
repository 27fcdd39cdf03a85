# METADATA
# title: No limit on processes
# description: "One container can start processes until the host cannot start any more."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.29"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 7: limit resources"
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#resources
#     description: "Compose file reference: resources"
# custom:
#   id: require-pids-limit
#   severity: medium
#   remediation: "Set `deploy.resources.limits.pids`, such as `100`."
package policyd.policies.require_pids_limit

import data.policyd.lib.workload

violation contains workload.finding(w, [], msg) if {
	some w in workload.containers
	w.pids_limit == 0
	msg := sprintf("%s has no limit on its processes", [w.title])
}
