package policyd.policies.no_files_outside_project_test

import data.policyd.lib.fixture
import data.policyd.policies.no_files_outside_project

test_file_outside_is_reported if {
	given := fixture.app({"mounts": [object.union(fixture.bind("/etc/shadow", "/x"), {"origin": "secrets"})]})
	found := no_files_outside_project.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "volumes", 0],
		"service app gets the file /etc/shadow, which is outside of the project",
	]}
}

test_file_inside_and_other_mounts_are_allowed if {
	found := no_files_outside_project.violation with input as fixture.app({"mounts": [
		object.union(fixture.bind("/project/token.txt", "/x"), {"origin": "configs"}),
		fixture.bind("/srv/data", "/data"),
	]})
	found == set()
}
