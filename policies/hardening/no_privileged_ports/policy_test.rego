package policyd.policies.no_privileged_ports_test

import data.policyd.lib.fixture
import data.policyd.policies.no_privileged_ports

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-privileged-ports": [{
	"name": "c",
	"parameters": parameters,
}]}})

port(first, last, target) := {
	"target": target,
	"first": first,
	"last": last,
	"protocol": "tcp",
	"host_ip": "127.0.0.1",
	"reach": "loopback",
	"path": ["services", "app", "ports", 0],
}

test_low_port_of_the_host_is_reported if {
	given := under({"ports": [port(443, 443, 8443)]}, {"allowed": [], "container_ports": false})
	found := no_privileged_ports.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "ports", 0],
		"service app publishes the privileged port 443 of the host",
	]}
}

test_range_that_begins_low_is_reported if {
	given := under({"ports": [port(1000, 2000, 5000)]}, {"allowed": [1000], "container_ports": false})
	found := no_privileged_ports.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "ports", 0],
		"service app publishes the privileged port 1000 of the host",
	]}
}

test_allowed_port_is_not_reported if {
	given := under({"ports": [port(443, 443, 443)]}, {"allowed": [443], "container_ports": true})
	found := no_privileged_ports.violation with input as given
	found == set()
}

test_port_that_the_engine_chooses_is_not_reported if {
	given := under({"ports": [port(0, 0, 80)]}, {"allowed": [], "container_ports": false})
	found := no_privileged_ports.violation with input as given
	found == set()
}

test_low_port_of_the_container_is_reported_on_request if {
	given := under({"ports": [port(8080, 8080, 80)]}, {"allowed": [], "container_ports": true})
	found := no_privileged_ports.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "ports", 0],
		"service app listens on the privileged port 80 in the container",
	]}
}
