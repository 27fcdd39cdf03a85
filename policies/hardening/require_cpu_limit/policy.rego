# METADATA
# title: No limit on CPUs
# description: "One container can use all CPUs of the host, so that others become slow."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.12"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 7: limit resources"
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#resources
#     description: "Compose file reference: resources"
# custom:
#   id: require-cpu-limit
#   severity: low
#   remediation: "Set `deploy.resources.limits.cpus`, such as `'1.5'`."
package policyd.policies.require_cpu_limit

import data.policyd.lib.workload

violation contains workload.finding(w, [], msg) if {
	some w in workload.containers
	w.cpu_limit == 0
	msg := sprintf("%s has no limit on its CPUs", [w.title])
}
