package policyd.policies.no_duplicate_ports_test

import data.policyd.lib.fixture
import data.policyd.policies.no_duplicate_ports

port(first, last, protocol, host_ip, reach) := {
	"target": 80,
	"first": first,
	"last": last,
	"protocol": protocol,
	"host_ip": host_ip,
	"reach": reach,
	"path": ["services", "app", "ports", 0],
}

publishing(one, other) := {"workloads": [
	fixture.service("a", {"ports": [one]}),
	fixture.service("b", {"ports": [other]}),
]}

test_same_port_is_reported_for_both if {
	given := publishing(port(80, 80, "tcp", "", "all"), port(80, 80, "tcp", "127.0.0.1", "loopback"))
	found := no_duplicate_ports.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "app", "ports", 0], "service a publishes the port 80 of the host, as b does"],
		["b", ["services", "app", "ports", 0], "service b publishes the port 80 of the host, as a does"],
	}
}

test_ranges_that_overlap_are_reported if {
	given := publishing(port(8000, 8010, "tcp", "", "all"), port(8010, 8020, "tcp", "", "all"))
	found := no_duplicate_ports.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "app", "ports", 0], "service a publishes the port 8000 of the host, as b does"],
		["b", ["services", "app", "ports", 0], "service b publishes the port 8010 of the host, as a does"],
	}
}

test_range_and_a_port_in_it_are_reported if {
	given := publishing(port(8000, 8010, "tcp", "", "all"), port(8005, 8005, "tcp", "", "all"))
	found := no_duplicate_ports.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "app", "ports", 0], "service a publishes the port 8000 of the host, as b does"],
		["b", ["services", "app", "ports", 0], "service b publishes the port 8005 of the host, as a does"],
	}
}

test_other_protocols_are_allowed if {
	given := publishing(port(53, 53, "tcp", "", "all"), port(53, 53, "udp", "", "all"))
	found := no_duplicate_ports.violation with input as given
	found == set()
}

test_other_addresses_are_allowed if {
	given := publishing(port(80, 80, "tcp", "192.0.2.1", "address"), port(80, 80, "tcp", "192.0.2.2", "address"))
	found := no_duplicate_ports.violation with input as given
	found == set()
}

test_ports_that_the_engine_chooses_are_allowed if {
	given := publishing(port(0, 0, "tcp", "", "all"), port(0, 0, "tcp", "", "all"))
	found := no_duplicate_ports.violation with input as given
	found == set()
}
