# METADATA
# title: Sharing with a container outside the project
# description: "A namespace or the volumes of a container that is not in the project: what it was
#   granted cannot be seen here."
# custom:
#   id: no-foreign-container-sharing
#   severity: high
#   remediation: "Bring the container into the project."
#   references:
#     - "CIS Docker Benchmark 5.15"
#     - "CIS Docker Benchmark 5.16"
package policyd.policies.no_foreign_container_sharing

import data.policyd.lib.workload

violation contains workload.finding(w, [key], msg) if {
	some w in input.workloads
	some key in ["pid", "ipc"]
	startswith(w[key], "container:")
	msg := sprintf("service %s shares with a container outside the project: %s: %s", [w.name, key, w[key]])
}

violation contains workload.finding(w, ["volumes_from", i], msg) if {
	some w in input.workloads
	some i, other in w.volumes_from
	startswith(other, "container:")
	msg := sprintf("service %s takes the volumes of a container outside the project: %s", [w.name, other])
}
