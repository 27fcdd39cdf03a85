# METADATA
# title: Access to the container engine
# description: "A client of the API of the container engine can start any container with any
#   device. A read-only mount of the socket does not prevent this."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.32"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: hostPath volumes"
# custom:
#   id: no-docker-socket
#   severity: critical
#   remediation: "Remove the mount or `use_api_socket`. If the workload needs the API of the
#     engine, run a filtering proxy outside of the project and connect to it over the network,
#     or ask the owners of the policy set for an exception."
package policyd.policies.no_docker_socket

import data.policyd.lib.workload

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method == "api-socket"
	msg := sprintf("%s has access to the API of the container engine: %s", [w.title, grant.text])
}
