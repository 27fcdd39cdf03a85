package policyd.policies.no_privileged_groups_test

import data.policyd.lib.fixture
import data.policyd.policies.no_privileged_groups

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-privileged-groups": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_group_in_the_list_is_reported if {
	given := under({"group_add": ["video", "docker"]}, {"groups": ["docker"]})
	found := no_privileged_groups.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "group_add", 1],
		"service app joins the group docker",
	]}
}

test_other_groups_are_allowed if {
	found := no_privileged_groups.violation with input as under({"group_add": ["video"]}, {"groups": ["docker"]})
	found == set()
}
