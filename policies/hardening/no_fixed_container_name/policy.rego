# METADATA
# title: Fixed name of a container
# description: "A container with a name of its own cannot be scaled, and the project cannot run twice on
#   one host."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#container_name
#     description: "Compose file reference: container_name"
# custom:
#   id: no-fixed-container-name
#   severity: low
#   remediation: "Remove `container_name`. Other services reach the container by the name of its service."
package policyd.policies.no_fixed_container_name

import data.policyd.lib.workload

violation contains workload.finding(w, ["container_name"], msg) if {
	some w in workload.containers
	w.container_name != ""
	msg := sprintf("%s has the fixed container name %s", [w.title, w.container_name])
}
