# METADATA
# title: Name server that is not allowed
# description: "The service asks other name servers than the host does, or searches other domains. Whoever
#   runs the server decides where the connections of the service go, and the names that it asks for leave the
#   network."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#dns
#     description: "Compose file reference: dns, dns_opt, dns_search"
# custom:
#   id: allowed-dns
#   severity: low
#   remediation: "Remove `dns`, `dns_opt` and `dns_search`, or ask the owners of the policy set to allow the
#     value."
#   parameters:
#     servers:
#       type: array
#       items: {type: string}
#       default: []
#       description: The addresses in `dns` that are allowed.
#     options:
#       type: array
#       items: {type: string}
#       default: []
#       description: The options in `dns_opt` that are allowed.
#     domains:
#       type: array
#       items: {type: string}
#       default: []
#       description: The domains in `dns_search` that are allowed.
package policyd.policies.allowed_dns

import data.policyd.lib.workload

lists := {"dns": "servers", "dns_opt": "options", "dns_search": "domains"}

titles := {"dns": "the name server", "dns_opt": "the DNS option", "dns_search": "the search domain"}

violation contains object.union(workload.finding(w, [key, index], msg), {"constraint": c.name}) if {
	some c in input.constraints["allowed-dns"]
	some w in workload.containers
	some key, parameter in lists
	some index, value in workload.keys(w)[key]
	allowed := c.parameters[parameter]
	not value in allowed
	msg := sprintf("%s has %s %s, which is not allowed", [w.title, titles[key], value])
}
