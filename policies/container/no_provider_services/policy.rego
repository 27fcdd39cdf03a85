# METADATA
# title: Service of a provider
# description: "A provider is a program on the host. It creates resources that the project does
#   not show, and it can set variables in other services."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#provider
#     description: "Compose file reference: provider"
# custom:
#   id: no-provider-services
#   severity: medium
#   remediation: "Replace the service by a container, or ask the owners of the policy set for an
#     exception."
package policyd.policies.no_provider_services

import data.policyd.lib.workload

violation contains workload.finding(w, ["provider"], msg) if {
	some w in input.workloads
	w.provider != ""
	msg := sprintf("%s is created by the provider %s, a program on the host", [w.title, w.provider])
}
