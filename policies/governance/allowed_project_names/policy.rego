# METADATA
# title: Name of the project that is not allowed
# description: "The project does not have a name as the organisation requires it. Containers, networks and
#   volumes have the name of their project, so two projects of one name change each other on a host."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/version-and-name/#name-top-level-element
#     description: "Compose file reference: name"
#   - ref: https://docs.docker.com/compose/how-tos/project-name/
#     description: "Docker: how the name of a project is chosen"
# custom:
#   id: allowed-project-names
#   severity: low
#   remediation: "Write the name into the Compose file, `name: team-a-shop`, so that it does not depend on the
#     folder."
#   parameters:
#     pattern:
#       type: string
#       default: ""
#       description: "A regular expression (RE2) that the name must match. Use ^ and $ to match all of it.
#         Empty: any name."
#     begins_with_group:
#       type: boolean
#       default: false
#       description: The name must begin with the name of a group of the caller and a hyphen.
package policyd.policies.allowed_project_names

import data.policyd.lib.workload

violation contains {"msg": msg, "service": "", "path": ["name"], "constraint": c.name} if {
	some c in input.constraints["allowed-project-names"]
	c.parameters.pattern != ""
	name := input.project.name
	not matches(c.parameters.pattern, name)
	msg := sprintf("the name of the project is %s, which does not match %s", [name, c.parameters.pattern])
}

violation contains {"msg": msg, "service": "", "path": ["name"], "constraint": c.name} if {
	some c in input.constraints["allowed-project-names"]
	c.parameters.begins_with_group
	name := input.project.name
	groups := input.review.userInfo.groups
	not is_of_group(name, groups)
	msg := sprintf("the name of the project is %s, which does not begin with a group of the caller and a hyphen", [name])
}

# An invalid regular expression matches nothing.
matches(pattern, name) if {
	regex.is_valid(pattern)
	regex.match(pattern, name)
}

is_of_group(name, groups) if {
	some group in groups
	startswith(name, concat("", [group, "-"]))
}
