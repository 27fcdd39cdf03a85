package policyd.policies.require_user_test

import data.policyd.lib.fixture
import data.policyd.policies.require_user

test_unknown_user_is_reported if {
	found := require_user.violation with input as fixture.app({})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "user"],
		"service app does not set a user",
	]}
}

test_known_users_are_allowed if {
	found := require_user.violation with input as {"workloads": [
		fixture.service("a", {"user": "1000"}),
		fixture.service("b", {"build": fixture.build({"user": "app"})}),
		fixture.service("c", {"image_config": {"user": "nobody"}}),
	]}
	found == set()
}
