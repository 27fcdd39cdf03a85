package policyd.policies.require_network_test

import data.policyd.lib.fixture
import data.policyd.policies.require_network

test_default_network_is_reported if {
	found := require_network.violation with input as fixture.app({})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "networks"],
		"service app is in no network but the default one",
	]}
}

test_other_networks_and_modes_are_allowed if {
	found := require_network.violation with input as {"workloads": [
		fixture.service("a", {"networks": ["default", "back"]}),
		fixture.service("b", {"networks": [], "network_mode": "none"}),
	]}
	found == set()
}
