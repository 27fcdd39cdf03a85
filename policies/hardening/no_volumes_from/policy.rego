# METADATA
# title: Volumes of another container
# description: "The container gets all volumes of another one, including those that are added there
#   later."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://docs.docker.com/reference/compose-file/services/#volumes_from
#     description: "Compose file reference: volumes_from"
# custom:
#   id: no-volumes-from
#   severity: medium
#   remediation: "List the volumes that the container needs under `volumes`."
package policyd.policies.no_volumes_from

import data.policyd.lib.workload

violation contains workload.entry(w, "volumes_from", i, msg) if {
	some w in input.workloads
	some i, other in w.volumes_from
	msg := sprintf("%s uses all volumes of %s", [w.title, split(other, ":")[0]])
}
