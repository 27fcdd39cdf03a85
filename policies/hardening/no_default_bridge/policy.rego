# METADATA
# title: Default bridge of the engine
# description: "On the default bridge, the container can reach every container of other projects that is
#   there too."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.30"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 5: be mindful of connectivity between
#       containers"
#   - ref: https://docs.docker.com/reference/compose-file/services/#network_mode
#     description: "Compose file reference: network_mode"
# custom:
#   id: no-default-bridge
#   severity: medium
#   remediation: "Remove `network_mode: bridge`, so that the container gets the network of its project."
package policyd.policies.no_default_bridge

import data.policyd.lib.workload

violation contains workload.finding(w, ["network_mode"], msg) if {
	some w in workload.containers
	w.network_mode in {"bridge", "default"}
	msg := sprintf("%s is on the default bridge of the engine", [w.title])
}
