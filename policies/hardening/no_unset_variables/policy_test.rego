package policyd.policies.no_unset_variables_test

import data.policyd.policies.no_unset_variables

test_each_use_is_reported if {
	found := no_unset_variables.violation with input as {"unresolved": [
		{"variable": "TAG", "path": ["services", "app", "image"]},
		{"variable": "DIR", "path": []},
	]}
	{[v.service, v.path, v.msg] | some v in found} == {
		["app", ["services", "app", "image"], "the variable TAG has no value and no default"],
		["", [], "the variable DIR has no value and no default"],
	}
}

test_project_without_them_is_allowed if {
	found := no_unset_variables.violation with input as {"unresolved": []}
	found == set()
}
