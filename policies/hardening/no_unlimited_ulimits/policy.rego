# METADATA
# title: Unlimited resource
# description: "The container reverts a limit that the host sets for every process, such as the number of
#   open files."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.19"
#   - ref: https://docs.docker.com/reference/compose-file/services/#ulimits
#     description: "Compose file reference: ulimits"
# custom:
#   id: no-unlimited-ulimits
#   severity: low
#   remediation: "Set a number instead of -1, or remove the entry."
#   parameters:
#     resources:
#       type: array
#       items: {type: string}
#       default: [nproc, nofile, fsize, core]
#       description: Resources that must not be unlimited. Frameworks for GPUs need memlock and stack.
package policyd.policies.no_unlimited_ulimits

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-unlimited-ulimits"]
	some w in workload.containers
	some name in c.parameters.resources
	w.ulimits[name].hard == -1
	msg := sprintf("%s has no limit on the resource %s", [w.title, name])
	found := workload.finding(w, ["ulimits", name], msg)
}
