package policyd.policies.no_created_host_paths_test

import data.policyd.lib.fixture
import data.policyd.policies.no_created_host_paths

test_folder_outside_is_reported if {
	found := no_created_host_paths.violation with input as fixture.app({"mounts": [fixture.bind("/srv/data", "/data")]})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "volumes", 0],
		"service app mounts /srv/data, which the engine creates on the host if it does not exist",
	]}
}

test_existing_and_own_folders_are_allowed if {
	given := object.union(
		fixture.keys({"volumes": [{"bind": {"create_host_path": false}}]}),
		{"workloads": [
			fixture.service("app", {"mounts": [fixture.bind("/srv/data", "/data")]}),
			fixture.service("own", {"mounts": [fixture.bind("/project/data", "/data"), fixture.bind("/project", "/src")]}),
			fixture.service("token", {"mounts": [object.union(fixture.bind("/srv/token", "/t"), {"origin": "secrets"})]}),
		]},
	)
	found := no_created_host_paths.violation with input as given
	found == set()
}
