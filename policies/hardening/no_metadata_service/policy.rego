# METADATA
# title: Address of the metadata service
# description: "An entry of `extra_hosts` points to the metadata service of the cloud, which gives
#   credentials of the host to whoever can reach it."
# related_resources:
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
#     description: "OWASP SSRF Prevention Cheat Sheet"
#   - ref: https://docs.docker.com/reference/compose-file/services/#extra_hosts
#     description: "Compose file reference: extra_hosts"
# custom:
#   id: no-metadata-service
#   severity: medium
#   remediation: "Remove the entry."
#   parameters:
#     addresses:
#       type: array
#       items: {type: string}
#       default: [169.254.169.254, 'fd00:ec2::254', 100.100.100.200]
#       description: Addresses of metadata services.
package policyd.policies.no_metadata_service

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-metadata-service"]
	some w in input.workloads
	some i, entry in w.extra_hosts
	some address in c.parameters.addresses
	endswith(entry, concat("", ["=", address]))
	msg := sprintf("%s names the metadata service of the cloud: %s", [w.title, entry])
	found := workload.finding(w, ["extra_hosts", i], msg)
}
