# METADATA
# title: Credential of a Windows account
# description: "The container gets the credentials of a managed service account of the domain of its host.
#   Every program in it can act as this account in the whole domain."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#credential_spec
#     description: "Compose file reference: credential_spec"
# custom:
#   id: no-credential-spec
#   severity: medium
#   remediation: "Remove `credential_spec`, and give the service a secret with the few rights that it needs."
package policyd.policies.no_credential_spec

import data.policyd.lib.workload

violation contains workload.finding(w, ["credential_spec"], msg) if {
	some w in workload.containers
	workload.keys(w).credential_spec
	msg := sprintf("%s gets the credentials of a Windows account", [w.title])
}
