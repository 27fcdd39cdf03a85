package policyd.policies.no_external_resources_test

import data.policyd.policies.no_external_resources

test_external_resources_are_reported_by_their_name if {
	found := no_external_resources.violation with input as {
		"constraints": {"no-external-resources": [{"name": "c", "parameters": {"allowed": ["proxy"]}}]},
		"project": {
			"volumes": {"data": {"external": true, "name": "shared"}, "own": {}},
			"networks": {"web": {"external": true, "name": "proxy"}},
		},
	}
	{[v.service, v.path, v.msg] | some v in found} == {[
		"",
		["volumes", "data"],
		"the project uses volumes from outside: shared",
	]}
}
