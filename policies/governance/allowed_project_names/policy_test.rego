package policyd.policies.allowed_project_names_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_project_names

given(name, pattern, by_group) := {
	"constraints": {"allowed-project-names": [{
		"name": "c",
		"parameters": {"pattern": pattern, "begins_with_group": by_group},
	}]},
	"project": {"name": name},
	"review": {"userInfo": {"groups": ["ml", "web"]}},
	"workloads": [],
}

test_other_names_are_reported if {
	found := allowed_project_names.violation with input as given("shop", "^team-", true)
	{[v.path, v.msg] | some v in found} == {
		[["name"], "the name of the project is shop, which does not match ^team-"],
		[["name"], "the name of the project is shop, which does not begin with a group of the caller and a hyphen"],
	}
}

test_invalid_pattern_matches_nothing if {
	found := allowed_project_names.violation with input as given("shop", "(", false)
	count(found) == 1
}

test_names_that_match_are_allowed if {
	every name, pattern in {"web-shop": "^web-", "ml-train": ""} {
		found := allowed_project_names.violation with input as given(name, pattern, true)
		found == set()
	}
}
