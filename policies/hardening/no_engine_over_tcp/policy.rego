# METADATA
# title: Container engine over the network
# description: "The variable DOCKER_HOST points to an engine that listens on the network. A client without
#   TLS needs no password to start any container there."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.32"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 1: do not expose the socket of the Docker
#       daemon"
#   - ref: https://docs.docker.com/engine/security/protect-access/
#     description: "Docker: protect the Docker daemon socket"
# custom:
#   id: no-engine-over-tcp
#   severity: high
#   remediation: "Remove the variable, or connect by ssh or with TLS: set `DOCKER_TLS_VERIFY: '1'`."
#   environment: [DOCKER_HOST, DOCKER_TLS_VERIFY]
package policyd.policies.no_engine_over_tcp

import data.policyd.lib.environment
import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	env := environment.by_workload[w.name]
	host := env.DOCKER_HOST
	host != null
	regex.match(`^(tcp|http)://`, host)
	not is_service(host)
	object.get(env, "DOCKER_TLS_VERIFY", "") in {"", null}
	path := environment.path(w, "DOCKER_HOST")
	msg := sprintf("%s controls a container engine over the network without TLS", [w.title])
}

# is_service holds for the address of a service of the project, such as a filtering proxy: what it may do
# itself, other policies report.
is_service(host) if {
	some other in input.workloads
	other.service == split(split(host, "://")[1], ":")[0]
}
