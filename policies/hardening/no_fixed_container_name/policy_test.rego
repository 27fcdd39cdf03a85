package policyd.policies.no_fixed_container_name_test

import data.policyd.lib.fixture
import data.policyd.policies.no_fixed_container_name

test_name_is_reported if {
	found := no_fixed_container_name.violation with input as fixture.app({"container_name": "web-1"})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "container_name"],
		"service app has the fixed container name web-1",
	]}
}

test_no_name_is_allowed if {
	found := no_fixed_container_name.violation with input as fixture.app({})
	found == set()
}
