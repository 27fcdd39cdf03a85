# METADATA
# title: Port that two services publish
# description: "Two services publish the same port of the host. The engine refuses to start the second
#   one, whichever it is."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#ports
#     description: "Compose file reference: ports"
# custom:
#   id: no-duplicate-ports
#   severity: medium
#   remediation: "Give each service a port of its own."
package policyd.policies.no_duplicate_ports

import data.policyd.lib.workload

published contains [w.name, port] if {
	some w in workload.containers
	w.profiles == []
	some port in w.ports
	port.first > 0
}

violation contains workload.at(w, port.path, msg) if {
	some w in workload.containers
	w.profiles == []
	some port in w.ports
	port.first > 0
	some [other, taken] in published
	other != w.name
	overlap(port, taken)
	msg := sprintf("%s publishes the port %d of the host, as %s does", [w.title, port.first, other])
}

overlap(port, taken) if {
	port.protocol == taken.protocol
	port.first <= taken.last
	taken.first <= port.last
	share_an_address(port, taken)
}

share_an_address(port, _) if port.reach == "all"

share_an_address(_, taken) if taken.reach == "all"

share_an_address(port, taken) if port.host_ip == taken.host_ip
