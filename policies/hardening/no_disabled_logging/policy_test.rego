package policyd.policies.no_disabled_logging_test

import data.policyd.lib.fixture
import data.policyd.policies.no_disabled_logging

test_driver_none_is_reported if {
	found := no_disabled_logging.violation with input as fixture.app({"logging": {"driver": "none", "options": {}}})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "logging", "driver"],
		"service app disables logging",
	]}
}

test_other_drivers_are_allowed if {
	given := fixture.app({"logging": {"driver": "local", "options": {}}})
	found := no_disabled_logging.violation with input as given
	found == set()
}
