# METADATA
# title: No network of its own
# description: "All services of a project without networks can reach each other. With a network for each
#   group, an attacker in one service does not reach the others."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.30"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 5: be mindful of connectivity between
#       containers"
#   - ref: https://docs.docker.com/reference/compose-file/services/#networks
#     description: "Compose file reference: networks"
# custom:
#   id: require-network
#   severity: low
#   remediation: "Declare networks at the top level, and list those that the service needs under
#     `networks`."
package policyd.policies.require_network

import data.policyd.lib.workload

violation contains workload.finding(w, ["networks"], msg) if {
	some w in workload.containers
	w.network_mode == ""
	object.keys({name: true | some name in w.networks}) in [set(), {"default"}]
	msg := sprintf("%s is in no network but the default one", [w.title])
}
