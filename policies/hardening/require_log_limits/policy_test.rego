package policyd.policies.require_log_limits_test

import data.policyd.lib.fixture
import data.policyd.policies.require_log_limits

test_default_driver_without_a_size_is_reported if {
	found := require_log_limits.violation with input as fixture.app({})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "logging"],
		"service app has no limit on the size of its log",
	]}
}

test_limited_logs_are_allowed if {
	found := require_log_limits.violation with input as {"workloads": [
		fixture.service("a", {"logging": {"driver": "json-file", "options": {"max-size": "10m"}}}),
		fixture.service("b", {"logging": {"driver": "local", "options": {}}}),
	]}
	found == set()
}
