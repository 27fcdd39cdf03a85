# METADATA
# title: No limit on memory
# description: "One container can use all memory of the host. Then the kernel ends processes of others."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.11"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 7: limit resources"
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#resources
#     description: "Compose file reference: resources"
# custom:
#   id: require-memory-limit
#   severity: medium
#   remediation: "Set `deploy.resources.limits.memory`, such as `512M`."
package policyd.policies.require_memory_limit

import data.policyd.lib.workload

violation contains workload.finding(w, [], msg) if {
	some w in workload.containers
	w.memory_limit == 0
	msg := sprintf("%s has no limit on its memory", [w.title])
}
