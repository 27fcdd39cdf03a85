package policyd.policies.no_host_system_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_system_mounts

test_mount_of_this_class_is_reported if {
	mounts := [fixture.reaching("system", "/usr/bin", "/target")]
	found := no_host_system_mounts.violation with input as fixture.app({"mounts": mounts})
	found == {{
		"msg": "service app mounts the system path /usr/bin of the host writable",
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_mounts_of_other_classes_are_not if {
	every class in [
		"", "pipe", "volume-request", "root", "dev",
		"disk", "engine-socket", "service-socket", "proc-sys", "runtime-config",
	] {
		mounts := [fixture.reaching(class, "/usr/bin", "/target")]
		found := no_host_system_mounts.violation with input as fixture.app({"mounts": mounts})
		found == set()
	}
}

test_mount_of_a_hook_is_reported if {
	path := ["services", "app", "pre_start", 0, "volumes", 0]
	mount := object.union(fixture.reaching("system", "/usr/bin", "/target"), {"path": path})
	found := no_host_system_mounts.violation with input as fixture.with_hook({"mounts": [mount]})
	{v.path | some v in found} == {path}
}
