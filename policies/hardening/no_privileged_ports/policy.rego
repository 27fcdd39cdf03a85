# METADATA
# title: Privileged port
# description: "Ports below 1024 are those of services that clients trust. A container that holds one of
#   them on the host can take the place of such a service."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.8"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: host ports"
#   - ref: https://docs.docker.com/reference/compose-file/services/#ports
#     description: "Compose file reference: ports"
# custom:
#   id: no-privileged-ports
#   severity: medium
#   remediation: "Publish a port from 1024, and let the program listen on such a port in the container."
#   parameters:
#     allowed:
#       type: array
#       items: {type: integer}
#       default: []
#       description: The ports below 1024 that a service may have.
#     container_ports:
#       type: boolean
#       default: false
#       description: Also report ports below 1024 inside of the container.
package policyd.policies.no_privileged_ports

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-privileged-ports"]
	some w in input.workloads
	some port in w.ports
	port.first > 0
	port.first < 1024
	not allowed(c, port)
	msg := sprintf("%s publishes the privileged port %d of the host", [w.title, port.first])
	found := workload.at(w, port.path, msg)
}

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-privileged-ports"]
	c.parameters.container_ports
	some w in input.workloads
	some port in w.ports
	port.target < 1024
	not is_low(port.first)
	not port.target in c.parameters.allowed
	msg := sprintf("%s listens on the privileged port %d in the container", [w.title, port.target])
	found := workload.at(w, port.path, msg)
}

is_low(first) if {
	first > 0
	first < 1024
}

allowed(c, port) if {
	port.first == port.last
	port.first in c.parameters.allowed
}
