package policyd.policies.no_executable_tmpfs_test

import data.policyd.lib.fixture
import data.policyd.policies.no_executable_tmpfs

tmpfs(options) := {"target": "/run", "options": options, "path": ["services", "app", "tmpfs", 0]}

test_exec_and_suid_are_reported if {
	given := fixture.app({"tmpfs": [tmpfs(["exec", "size=64m"]), tmpfs(["suid"])]})
	found := no_executable_tmpfs.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["app", ["services", "app", "tmpfs", 0], "service app mounts a tmpfs with the option exec at /run"],
		["app", ["services", "app", "tmpfs", 0], "service app mounts a tmpfs with the option suid at /run"],
	}
}

test_other_options_are_allowed if {
	given := fixture.app({"tmpfs": [tmpfs(["noexec", "size=64m"]), tmpfs([])]})
	found := no_executable_tmpfs.violation with input as given
	found == set()
}
