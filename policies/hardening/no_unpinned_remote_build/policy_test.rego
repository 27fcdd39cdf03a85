package policyd.policies.no_unpinned_remote_build_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unpinned_remote_build

test_remote_context_is_reported if {
	found := no_unpinned_remote_build.violation with input as {"workloads": [
		fixture.service("a", {"build": fixture.build({"context": "https://git.example/app.git#main"})}),
		fixture.service("b", {"build": fixture.build({"context": "git@git.example:app.git"})}),
	]}
	{[v.service, v.path, v.msg] | some v in found} == {
		[
			"a",
			["services", "app", "build", "context"],
			"service a builds its image from a remote context without a commit",
		],
		[
			"b",
			["services", "app", "build", "context"],
			"service b builds its image from a remote context without a commit",
		],
	}
}

test_commit_and_local_context_are_allowed if {
	given := {"workloads": [
		fixture.service("a", {"build": fixture.build({"context": "git@x:y#0123456789abcdef0123456789abcdef01234567:z"})}),
		fixture.service("b", {"build": fixture.build({"context": "."})}),
	]}
	found := no_unpinned_remote_build.violation with input as given
	found == set()
}
