# METADATA
# title: Include of a remote file
# description: "An include from a Git repository or a registry is fetched when the project is
#   deployed, but not when it is checked. So its services and grants have not been evaluated."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/include/
#     description: "Compose file reference: include"
# custom:
#   id: no-remote-includes
#   severity: high
#   remediation: "Copy the included file into the project, and include it by its path."
package policyd.policies.no_remote_includes

violation contains {"msg": msg, "service": "", "path": ["include"]} if {
	some part in input.notEvaluated
	part.kind == "remote-include"
	msg := sprintf("the project includes %s, which is not fetched for a check", [part.what])
}
