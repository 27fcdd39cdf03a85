# METADATA
# title: Variable without a value
# description: "The project uses a variable that has no value and no default here. Compose puts an empty
#   text in its place, which can turn a protection off."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/interpolation/
#     description: "Compose file reference: interpolation"
# custom:
#   id: no-unset-variables
#   severity: medium
#   remediation: "Give the variable a default, `${NAME:-value}`, or make Compose refuse the project
#     without it: `${NAME:?message}`."
package policyd.policies.no_unset_variables

violation contains {"msg": msg, "service": service(unset.path), "path": unset.path} if {
	some unset in input.unresolved
	msg := sprintf("the variable %s has no value and no default", [unset.variable])
}

service(path) := path[1] if path[0] == "services"

else := ""
