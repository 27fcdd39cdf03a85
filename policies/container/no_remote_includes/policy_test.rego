package policyd.policies.no_remote_includes_test

import data.policyd.policies.no_remote_includes

test_remote_include_is_reported_and_other_gaps_are_not if {
	found := no_remote_includes.violation with input.notEvaluated as [
		{"kind": "remote-include", "what": "oci://registry.example/base:1", "reason": "it is not fetched"},
		{"kind": "env-file", "what": "gpu.env", "reason": "there is no such file"},
	]
	found == {{
		"msg": "the project includes oci://registry.example/base:1, which is not fetched for a check",
		"service": "",
		"path": ["include"],
	}}
}

test_project_that_was_seen_whole_is_not if {
	found := no_remote_includes.violation with input.notEvaluated as []
	found == set()
}
