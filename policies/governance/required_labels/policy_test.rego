package policyd.policies.required_labels_test

import data.policyd.lib.fixture
import data.policyd.policies.required_labels

constraints := {"required-labels": [{"name": "c", "parameters": {"labels": ["owner"], "extensions": ["x-owner"]}}]}

test_missing_label_and_extension_are_reported if {
	given := {
		"constraints": constraints,
		"project": {},
		"workloads": [
			fixture.service("a", {}),
			fixture.service("b", {"labels": {"owner": " ", "tier": "web"}}),
		],
	}
	found := required_labels.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "a"], "service a has no label owner"],
		["b", ["services", "b", "labels"], "service b has no label owner"],
		["", [], "the project has no extension x-owner"],
	}
}

test_both_are_allowed if {
	given := {
		"constraints": constraints,
		"project": {"x-owner": "team-a"},
		"workloads": [fixture.service("a", {"labels": {"owner": "team-a"}})],
	}
	found := required_labels.violation with input as given
	found == set()
}
