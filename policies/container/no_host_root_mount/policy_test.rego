package policyd.policies.no_host_root_mount_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_root_mount

test_mount_of_this_class_is_reported if {
	mounts := [fixture.reaching("root", "/", "/target")]
	found := no_host_root_mount.violation with input as fixture.app({"mounts": mounts})
	found == {{
		"msg": "service app mounts the root of the host at /target",
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_mounts_of_other_classes_are_not if {
	every class in [
		"", "pipe", "volume-request", "dev", "disk",
		"engine-socket", "service-socket", "proc-sys", "runtime-config", "system",
	] {
		mounts := [fixture.reaching(class, "/", "/target")]
		found := no_host_root_mount.violation with input as fixture.app({"mounts": mounts})
		found == set()
	}
}

test_mount_of_a_hook_is_reported if {
	path := ["services", "app", "pre_start", 0, "volumes", 0]
	mount := object.union(fixture.reaching("root", "/", "/target"), {"path": path})
	found := no_host_root_mount.violation with input as fixture.with_hook({"mounts": [mount]})
	{v.path | some v in found} == {path}
}
