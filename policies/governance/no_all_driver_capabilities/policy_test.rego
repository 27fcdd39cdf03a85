package policyd.policies.no_all_driver_capabilities_test

import data.policyd.lib.fixture
import data.policyd.policies.no_all_driver_capabilities

test_all_is_reported_in_a_list if {
	given := fixture.app({"environment": {"NVIDIA_DRIVER_CAPABILITIES": "compute,all"}})
	found := no_all_driver_capabilities.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "environment", "NVIDIA_DRIVER_CAPABILITIES"],
		"service app gets all capabilities of the NVIDIA driver",
	]}
}

test_named_capabilities_are_allowed if {
	found := no_all_driver_capabilities.violation with input as {"workloads": [
		fixture.service("a", {"environment": {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}}),
		fixture.service("b", {"environment": {"NVIDIA_DRIVER_CAPABILITIES": null}}),
	]}
	found == set()
}
