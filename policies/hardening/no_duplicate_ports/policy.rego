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

# single has the services that publish one port and where, by number and protocol. Most projects have no ranges,
# so that ports are compared only with those of their number.
single[number] contains [w.name, port.reach, port.host_ip] if {
	some w in workload.containers
	w.profiles == []
	some port in w.ports
	port.first > 0
	port.first == port.last
	number := numbered(port)
}

numbered(port) := sprintf("%d/%s", [port.first, port.protocol])

# published has the services that publish a port or a range, and ranges those that publish a range.
published contains [w.name, port] if {
	some w in workload.containers
	w.profiles == []
	some port in w.ports
	port.first > 0
}

ranges contains [w.name, port] if {
	some w in workload.containers
	w.profiles == []
	some port in w.ports
	port.first < port.last
}

violation contains workload.at(w, port.path, msg) if {
	some w in workload.containers
	w.profiles == []
	some port in w.ports
	port.first > 0
	some other in others(w, port)
	msg := sprintf("%s publishes the port %d of the host, as %s does", [w.title, port.first, other])
}

others(w, port) := {other |
	port.first == port.last
	some [other, reach, host_ip] in data.policyd.policies.no_duplicate_ports.single[numbered(port)]
	other != w.name
	share_an_address(port, {"reach": reach, "host_ip": host_ip})
} | {other |
	some [other, taken] in compared(port)
	other != w.name
	overlap(port, taken)
}

# compared are the services whose ports may overlap a port without having its number.
compared(port) := data.policyd.policies.no_duplicate_ports.published if port.first < port.last

else := data.policyd.policies.no_duplicate_ports.ranges

overlap(port, taken) if {
	port.protocol == taken.protocol
	port.first <= taken.last
	taken.first <= port.last
	share_an_address(port, taken)
}

share_an_address(port, _) if port.reach == "all"

share_an_address(_, taken) if taken.reach == "all"

share_an_address(port, taken) if port.host_ip == taken.host_ip
