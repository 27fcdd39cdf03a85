package policyd.policies.no_custom_cgroup_parent_test

import data.policyd.lib.fixture
import data.policyd.policies.no_custom_cgroup_parent

test_named_group_is_reported if {
	found := no_custom_cgroup_parent.violation with input as fixture.app({"cgroup_parent": "/x"})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "cgroup_parent"],
		"service app runs in the control group /x",
	]}
}

test_default_group_is_allowed if {
	found := no_custom_cgroup_parent.violation with input as fixture.app({})
	found == set()
}
