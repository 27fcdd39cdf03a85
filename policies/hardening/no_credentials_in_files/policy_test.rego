package policyd.policies.no_credentials_in_files_test

import data.policyd.policies.no_credentials_in_files

credential(fields) := object.union(
	{
		"kind": "name",
		"form": "",
		"place": "environment",
		"name": "DB_PASSWORD",
		"service": "app",
		"title": "service app",
		"origin": "compose-file",
		"path": ["services", "app", "environment", "DB_PASSWORD"],
	},
	fields,
)

reviewing(credentials, environment_files) := {
	"credentials": credentials,
	"constraints": {"no-credentials-in-files": [{
		"name": "c",
		"parameters": {"kinds": ["name", "token"], "environment_files": environment_files},
	}]},
}

test_each_kind_in_the_list_is_reported if {
	given := reviewing(
		[credential({}), credential({"kind": "token", "form": "GitHub token", "place": "command", "name": ""})],
		false,
	)
	found := no_credentials_in_files.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		[
			"app",
			["services", "app", "environment", "DB_PASSWORD"],
			"service app has a credential in its environment: DB_PASSWORD",
		],
		[
			"app",
			["services", "app", "environment", "DB_PASSWORD"],
			"service app has a credential (GitHub token) in its command",
		],
	}
}

test_other_kinds_are_not_reported if {
	found := no_credentials_in_files.violation with input as reviewing([credential({"kind": "url"})], false)
	found == set()
}

test_environment_files_are_searched_on_request if {
	given := reviewing([credential({"origin": "environment-file"})], true)
	found := no_credentials_in_files.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "environment", "DB_PASSWORD"],
		"service app has a credential in its environment: DB_PASSWORD",
	]}
}

test_environment_files_are_left_out if {
	given := reviewing([credential({"origin": "environment-file"})], false)
	found := no_credentials_in_files.violation with input as given
	found == set()
}
