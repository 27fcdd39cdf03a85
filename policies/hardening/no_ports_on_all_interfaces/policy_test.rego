package policyd.policies.no_ports_on_all_interfaces_test

import data.policyd.lib.fixture
import data.policyd.policies.no_ports_on_all_interfaces

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-ports-on-all-interfaces": [{
	"name": "c",
	"parameters": parameters,
}]}})

port(reach) := {
	"target": 8080,
	"first": 8080,
	"last": 8080,
	"protocol": "tcp",
	"host_ip": "",
	"reach": reach,
	"path": ["services", "app", "ports", 0],
}

test_port_without_an_address_is_reported if {
	given := under({"ports": [port("all"), port("loopback"), port("address")]}, {"gpu_services_only": false})
	found := no_ports_on_all_interfaces.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "ports", 0],
		"service app publishes the port 8080 on all interfaces of the host",
	]}
}

test_only_gpu_services_are_reported_on_request if {
	found := no_ports_on_all_interfaces.violation with input as {
		"constraints": {"no-ports-on-all-interfaces": [{"name": "c", "parameters": {"gpu_services_only": true}}]},
		"workloads": [
			fixture.service("web", {"ports": [port("all")]}),
			fixture.service("app", {"ports": [port("all")], "grants": [fixture.grant({})]}),
		],
	}
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "ports", 0],
		"service app publishes the port 8080 on all interfaces of the host",
	]}
}
