# METADATA
# title: Secret that every user can read
# description: "The mode of the secret lets users read it that are neither its owner nor in its group, so
#   every program in the container can read it."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#secrets
#     description: "Compose file reference: secrets, long syntax"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 12: use Docker secrets for sensitive data"
# custom:
#   id: no-readable-secrets
#   severity: low
#   remediation: "Set `mode: 0400`, with `uid` of the user that the program runs as."
package policyd.policies.no_readable_secrets

import data.policyd.lib.workload

violation contains workload.finding(w, ["secrets", index, "mode"], msg) if {
	some w in workload.containers
	some index, secret in workload.keys(w).secrets
	regex.match(`[1-7]$`, secret.mode)
	msg := sprintf("%s gets the secret %s with the mode %s, which lets all users read it", [
		w.title,
		secret.source,
		secret.mode,
	])
}
