package policyd.policies.no_default_bridge_test

import data.policyd.lib.fixture
import data.policyd.policies.no_default_bridge

test_bridge_is_reported if {
	found := no_default_bridge.violation with input as fixture.app({"network_mode": "bridge"})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "network_mode"],
		"service app is on the default bridge of the engine",
	]}
}

test_other_modes_are_allowed if {
	given := {"workloads": [fixture.service("a", {"network_mode": "none"}), fixture.service("b", {})]}
	found := no_default_bridge.violation with input as given
	found == set()
}
