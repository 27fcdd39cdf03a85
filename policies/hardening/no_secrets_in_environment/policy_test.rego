package policyd.policies.no_secrets_in_environment_test

import data.policyd.lib.fixture
import data.policyd.policies.no_secrets_in_environment

given(env) := object.union(fixture.app({"environment": env}), {
	"credentials": [{"path": ["services", "app", "environment", "API_KEY"]}],
	"unresolved": [{"variable": "P", "path": ["services", "app", "environment", "UNSET_PASSWORD"]}],
})

test_names_of_credentials_are_reported if {
	env := {"DB_PASSWORD": "x", "github_token": null, "MODE": "x", "API_KEY": "x", "UNSET_PASSWORD": ""}
	found := no_secrets_in_environment.violation with input as given(env)
	{[v.service, v.path, v.msg] | some v in found} == {
		[
			"app",
			["services", "app", "environment", "DB_PASSWORD"],
			"service app gets a credential in the variable DB_PASSWORD",
		],
		[
			"app",
			["services", "app", "environment", "github_token"],
			"service app gets a credential in the variable github_token",
		],
		[
			"app",
			["services", "app", "environment", "UNSET_PASSWORD"],
			"service app gets a credential in the variable UNSET_PASSWORD",
		],
	}
}

test_files_switches_and_other_names_are_allowed if {
	found := no_secrets_in_environment.violation with input as given({
		"DB_PASSWORD_FILE": "/run/secrets/db",
		"TOKEN": "/run/secrets/token",
		"MYSQL_RANDOM_ROOT_PASSWORD": "yes",
		"JWT_SECRET": "",
		"TOKEN_TTL": "60",
		"MONKEY": "x",
	})
	found == set()
}
