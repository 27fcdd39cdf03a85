# METADATA
# title: Access to the container engine
# description: "Who reaches the API of the engine can start any container with any device.
#   Read-only changes nothing."
# custom:
#   id: no-docker-socket
#   severity: critical
#   remediation: "Use a filtering proxy, or no socket."
#   references:
#     - "CIS Docker Benchmark 5.31"
#     - "Pod Security Standards, baseline: hostPath"
package policyd.policies.no_docker_socket

import data.policyd.lib.routes
import data.policyd.lib.workload

violation contains workload.at(w, route.path, msg) if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.method == "api-socket"
	msg := sprintf("service %s reaches the API of the container engine: %s", [w.name, route.text])
}
