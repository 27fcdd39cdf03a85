# METADATA
# title: Resource of another project
# description: "The project uses a volume, a network, a secret or a config that it does not create. What
#   is in it, and who else uses it, is not part of the review."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/volumes/#external
#     description: "Compose file reference: external"
# custom:
#   id: no-external-resources
#   severity: medium
#   remediation: "Declare the resource in the project, or ask the owners of the policy set to allow its
#     name."
#   parameters:
#     allowed:
#       type: array
#       items: {type: string}
#       default: []
#       description: The names of resources that projects may use.
package policyd.policies.no_external_resources

violation contains found if {
	some c in input.constraints["no-external-resources"]
	some kind in ["volumes", "networks", "secrets", "configs"]
	some key, resource in object.get(input.project, kind, {})
	resource.external == true
	name := object.get(resource, "name", key)
	not name in c.parameters.allowed
	msg := sprintf("the project uses %s from outside: %s", [kind, name])
	found := {"msg": msg, "service": "", "path": [kind, key], "constraint": c.name}
}
