package policyd.policies.require_drop_all_test

import data.policyd.lib.fixture
import data.policyd.policies.require_drop_all

test_service_that_drops_one_capability_is_reported if {
	found := require_drop_all.violation with input as fixture.app({"cap_drop": ["NET_RAW"]})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "cap_drop"],
		"service app does not drop all capabilities",
	]}
}

test_case_does_not_matter if {
	found := require_drop_all.violation with input as fixture.app({"cap_drop": ["all"]})
	found == set()
}
