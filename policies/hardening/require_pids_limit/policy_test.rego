package policyd.policies.require_pids_limit_test

import data.policyd.lib.fixture
import data.policyd.policies.require_pids_limit

test_missing_limit_is_reported_at_the_service if {
	found := require_pids_limit.violation with input as fixture.app({})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app"],
		"service app has no limit on its processes",
	]}
}

test_limit_is_allowed if {
	found := require_pids_limit.violation with input as fixture.app({"pids_limit": 1})
	found == set()
}
