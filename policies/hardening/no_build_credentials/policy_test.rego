package policyd.policies.no_build_credentials_test

import data.policyd.lib.fixture
import data.policyd.policies.no_build_credentials

test_agent_and_argument_are_reported if {
	build := {"ssh": ["default"], "args": {"NPM_TOKEN": "x", "VERSION": "1"}}
	given := object.union(fixture.keys({"build": build}), fixture.app({"build": fixture.build({})}))
	found := no_build_credentials.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["app", ["services", "app", "build", "ssh"], "the build of service app can use an SSH agent or key"],
		[
			"app",
			["services", "app", "build", "args", "NPM_TOKEN"],
			"the build of service app gets the credential NPM_TOKEN as an argument",
		],
	}
}

test_secrets_and_other_arguments_are_allowed if {
	build := {"ssh": [], "secrets": [{"source": "npm"}], "args": {"VERSION": "1", "TOKEN_TTL": "5"}}
	given := object.union(fixture.keys({"build": build}), fixture.app({"build": fixture.build({})}))
	found := no_build_credentials.violation with input as given
	found == set()
}
