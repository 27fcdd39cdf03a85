# METADATA
# title: Network of a container outside of the project
# description: "The container shares the network of a container that is not part of the project: it sees
#   its traffic, and can take its ports."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.10"
#   - ref: https://docs.docker.com/reference/compose-file/services/#network_mode
#     description: "Compose file reference: network_mode"
# custom:
#   id: no-foreign-network
#   severity: medium
#   remediation: "Add the container to the project, and refer to it as `service:<name>`, or connect both
#     to a network."
package policyd.policies.no_foreign_network

import data.policyd.lib.workload

violation contains workload.finding(w, ["network_mode"], msg) if {
	some w in input.workloads
	startswith(w.network_mode, "container:")
	msg := sprintf("%s shares the network of a container outside of the project: %s", [w.title, w.network_mode])
}
