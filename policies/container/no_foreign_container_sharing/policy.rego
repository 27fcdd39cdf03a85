# METADATA
# title: Sharing with a container outside the project
# description: "The workload shares a namespace or the volumes of a container that is not part of
#   the project. The grants of that container are unknown."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.16"
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.17"
#   - ref: https://docs.docker.com/reference/compose-file/services/#volumes_from
#     description: "Compose file reference: volumes_from"
# custom:
#   id: no-foreign-container-sharing
#   severity: high
#   remediation: "Add the container to the project, and refer to it as `service:<name>`, or in
#     `volumes_from` by the name of its service."
package policyd.policies.no_foreign_container_sharing

import data.policyd.lib.workload

violation contains workload.finding(w, ["pid"], msg) if {
	some w in input.workloads
	startswith(w.pid, "container:")
	msg := shares(w, "pid")
}

violation contains workload.finding(w, ["ipc"], msg) if {
	some w in input.workloads
	startswith(w.ipc, "container:")
	msg := shares(w, "ipc")
}

violation contains workload.entry(w, "volumes_from", i, msg) if {
	some w in input.workloads
	some i, other in w.volumes_from
	startswith(other, "container:")
	msg := sprintf("%s uses the volumes of a container outside the project: %s", [w.title, other])
}

shares(w, key) := sprintf("%s shares with a container outside the project: %s: %s", [w.title, key, w[key]])
