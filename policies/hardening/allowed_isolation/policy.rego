# METADATA
# title: Isolation or storage option that is not allowed
# description: "The service chooses another isolation of Windows containers, or options of the storage driver.
#   Both depend on the host, and an isolation by processes shares the kernel of the host."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#isolation
#     description: "Compose file reference: isolation"
#   - ref: https://docs.docker.com/reference/compose-file/services/#storage_opt
#     description: "Compose file reference: storage_opt"
# custom:
#   id: allowed-isolation
#   severity: low
#   remediation: "Remove `isolation` and `storage_opt`, or ask the owners of the policy set to allow the
#     value."
#   parameters:
#     isolation:
#       type: array
#       items: {type: string}
#       default: [default, hyperv]
#       description: The values of `isolation` that are allowed.
#     storage_options:
#       type: array
#       items: {type: string}
#       default: [size]
#       description: The names in `storage_opt` that are allowed.
package policyd.policies.allowed_isolation

import data.policyd.lib.workload

violation contains object.union(workload.finding(w, ["isolation"], msg), {"constraint": c.name}) if {
	some c in input.constraints["allowed-isolation"]
	some w in workload.containers
	isolation := workload.keys(w).isolation
	not isolation in c.parameters.isolation
	msg := sprintf("%s has the isolation %s, which is not allowed", [w.title, isolation])
}

violation contains object.union(workload.finding(w, ["storage_opt", name], msg), {"constraint": c.name}) if {
	some c in input.constraints["allowed-isolation"]
	some w in workload.containers
	some name, _ in workload.keys(w).storage_opt
	not name in c.parameters.storage_options
	msg := sprintf("%s sets the storage option %s, which is not allowed", [w.title, name])
}
