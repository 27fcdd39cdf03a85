package policyd.policies.no_disabled_driver_check_test

import data.policyd.lib.fixture
import data.policyd.policies.no_disabled_driver_check

test_any_true_value_is_reported if {
	given := fixture.app({"environment": {"NVIDIA_DISABLE_REQUIRE": "1"}})
	found := no_disabled_driver_check.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "environment", "NVIDIA_DISABLE_REQUIRE"],
		"service app disables the check of the driver",
	]}
}

test_false_and_unset_are_allowed if {
	given := {
		"workloads": [fixture.service("a", {"environment": {"NVIDIA_DISABLE_REQUIRE": "false"}}), fixture.service("b", {})],
	}
	found := no_disabled_driver_check.violation with input as given
	found == set()
}
