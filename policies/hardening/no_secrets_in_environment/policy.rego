# METADATA
# title: Credential in an environment variable
# description: "A variable of the container is named like a credential. Every process in the container
#   inherits it, crash reports and logs show it, and so does `docker inspect`."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 4.10"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 12: use Docker secrets for sensitive data"
#   - ref: https://docs.docker.com/reference/compose-file/services/#secrets
#     description: "Compose file reference: secrets"
# custom:
#   id: no-secrets-in-environment
#   severity: medium
#   remediation: "Declare a secret, give it to the service under `secrets`, and name its file:
#     `DB_PASSWORD_FILE: /run/secrets/db_password`."
package policyd.policies.no_secrets_in_environment

import data.policyd.lib.environment
import data.policyd.lib.workload

violation contains workload.finding(w, ["environment", name], msg) if {
	some w in input.workloads
	some name, value in w.environment
	environment.is_credential(name)
	environment.may_contain(array.concat(w.path, ["environment", name]), value)
	not is_reported(w, name)
	msg := sprintf("%s gets a credential in the variable %s", [w.title, name])
}

# A credential that the Compose file contains has to be replaced, which no-credentials-in-files says.
is_reported(w, name) if {
	some credential in input.credentials
	credential.path == array.concat(w.path, ["environment", name])
}
