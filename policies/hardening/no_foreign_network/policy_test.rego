package policyd.policies.no_foreign_network_test

import data.policyd.lib.fixture
import data.policyd.policies.no_foreign_network

test_container_is_reported if {
	found := no_foreign_network.violation with input as fixture.app({"network_mode": "container:vpn"})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "network_mode"],
		"service app shares the network of a container outside of the project: container:vpn",
	]}
}

test_service_is_allowed if {
	found := no_foreign_network.violation with input as fixture.app({"network_mode": "service:vpn"})
	found == set()
}
