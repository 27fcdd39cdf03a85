# METADATA
# title: Credential in a file of the project
# description: "A file of the project contains a password, a token or a private key: in a variable, a
#   label, a command, a build argument or a URL. Everybody who can read the repository has it, and the
#   engine shows it to everybody who can inspect the container. A value from the environment or from .env is
#   not reported, and no value is ever printed."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 4.10"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 12: use Docker secrets for sensitive data"
#   - ref: https://docs.docker.com/reference/compose-file/services/#secrets
#     description: "Compose file reference: secrets"
#   - ref: https://datatracker.ietf.org/doc/html/rfc3986#section-3.2.1
#     description: "RFC 3986, section 3.2.1: passwords in URLs"
# custom:
#   id: no-credentials-in-files
#   severity: high
#   remediation: "Replace the credential, because it is known now. Declare it under `secrets` with a file
#     that is not in the repository, or pass it with `${NAME:?}` from the environment."
#   parameters:
#     kinds:
#       type: array
#       items: {type: string, enum: [private-key, token, url, name]}
#       default: [private-key, token, url, name]
#       description: "What is reported: private keys, tokens by their format, passwords in URLs, and
#         values of variables and options whose names are those of credentials."
#     environment_files:
#       type: boolean
#       default: false
#       description: Also search files that env_file names.
package policyd.policies.no_credentials_in_files

violation contains found if {
	some c in input.constraints["no-credentials-in-files"]
	some credential in input.credentials
	credential.kind in c.parameters.kinds
	applies(c, credential)
	msg := sprintf("%s has %s in its %s%s", [
		credential.title,
		what(credential),
		places[credential.place],
		named(credential),
	])
	found := {"msg": msg, "service": credential.service, "path": credential.path, "constraint": c.name}
}

applies(_, credential) if credential.origin == "compose-file"

applies(c, credential) if {
	credential.origin == "environment-file"
	c.parameters.environment_files
}

what(credential) := "a credential" if credential.kind == "name"

else := sprintf("a credential (%s)", [credential.form])

named(credential) := "" if credential.name == ""

else := sprintf(": %s", [credential.name])

places := {
	"environment": "environment",
	"label": "labels",
	"annotation": "annotations",
	"command": "command",
	"build": "build section",
	"logging": "logging options",
	"resource": "configs, volumes or networks",
}
