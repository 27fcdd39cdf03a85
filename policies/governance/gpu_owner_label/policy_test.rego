package policyd.policies.gpu_owner_label_test

import data.policyd.lib.fixture
import data.policyd.policies.gpu_owner_label

labelled(labels) := {"labels": labels, "grants": [fixture.grant({})]}

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"gpu-owner-label": [{
	"name": "c",
	"parameters": object.union({"labels": ["owner"], "pattern": ""}, parameters),
}]}})

test_service_without_labels_is_reported_at_the_service if {
	found := gpu_owner_label.violation with input as under(labelled({}), {})
	found == {{
		"msg": "service app gets a GPU and has no label that names its owner: owner",
		"service": "app",
		"path": ["services", "app"],
		"constraint": "c",
	}}
}

test_other_and_empty_labels_are_reported_at_the_labels if {
	every labels in [{"team": "ml"}, {"owner": ""}, {"owner": " "}, {"OWNER": "ml"}] {
		found := gpu_owner_label.violation with input as under(labelled(labels), {})
		{v.path | some v in found} == {["services", "app", "labels"]}
	}
}

test_owner_is_enough if {
	found := gpu_owner_label.violation with input as under(labelled({"owner": "ml"}), {})
	found == set()
}

test_one_of_several_labels_is_enough if {
	names := {"labels": ["owner", "com.example.team"]}
	found := gpu_owner_label.violation with input as under(labelled({"com.example.team": "ml"}), names)
	found == set()
	none := gpu_owner_label.violation with input as under(labelled({}), names)
	{v.msg | some v in none} == {"service app gets a GPU and has no label that names its owner: owner or com.example.team"}
}

test_service_without_a_gpu_needs_none if {
	found := gpu_owner_label.violation with input as under({"labels": {}}, {})
	found == set()
}

test_value_must_match_the_pattern if {
	pattern := {"pattern": "^[a-z]+@acme[.]example$"}
	good := gpu_owner_label.violation with input as under(labelled({"owner": "ml@acme.example"}), pattern)
	good == set()
	bad := gpu_owner_label.violation with input as under(labelled({"owner": "ml@acme.example.org"}), pattern)
	bad == {{
		"msg": "the label owner of service app is ml@acme.example.org, which does not match ^[a-z]+@acme[.]example$",
		"service": "app",
		"path": ["services", "app", "labels", "owner"],
		"constraint": "c",
	}}
}

test_pattern_that_is_no_regular_expression_matches_nothing if {
	found := gpu_owner_label.violation with input as under(labelled({"owner": "("}), {"pattern": "("})
	count(found) == 1
}
