# METADATA
# title: Port on all interfaces
# description: "A published port without an address is open on every interface of the host. The engine
#   writes its own firewall rules, which come before those of ufw and firewalld."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.14"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 5: be mindful of connectivity between
#       containers"
#   - ref: https://docs.docker.com/reference/compose-file/services/#ports
#     description: "Compose file reference: ports"
# custom:
#   id: no-ports-on-all-interfaces
#   severity: medium
#   remediation: "Name an address: `ports: ['127.0.0.1:8080:8080']`. Let a reverse proxy serve other
#     hosts."
#   parameters:
#     gpu_services_only:
#       type: boolean
#       default: false
#       description: Report only services that get an accelerator.
package policyd.policies.no_ports_on_all_interfaces

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-ports-on-all-interfaces"]
	some w in input.workloads
	applies(c, w)
	some port in w.ports
	port.reach == "all"
	msg := sprintf("%s publishes the port %d on all interfaces of the host", [w.title, port.target])
	found := workload.at(w, port.path, msg)
}

applies(c, _) if not c.parameters.gpu_services_only

applies(c, w) if {
	c.parameters.gpu_services_only
	count(w.grants) > 0
}
