# METADATA
# title: Include of a remote file
# description: "What is included from a Git repository or a registry is fetched when the project is
#   deployed, and never for a check: nobody has seen what it grants."
# custom:
#   id: no-remote-includes
#   severity: high
#   remediation: "Bring the included file into the project."
#   references:
#     - "Compose Specification: include"
package policyd.policies.no_remote_includes

violation contains {"msg": msg, "service": "", "path": ["include"]} if {
	some part in input.notEvaluated
	part.kind == "remote-include"
	msg := sprintf("the project includes %s, which is not fetched for a check", [part.what])
}
