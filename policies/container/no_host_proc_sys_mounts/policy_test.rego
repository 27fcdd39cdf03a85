package policyd.policies.no_host_proc_sys_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_proc_sys_mounts

test_mount_of_this_class_is_reported if {
	mounts := [fixture.reaching("proc-sys", "/sys", "/target")]
	found := no_host_proc_sys_mounts.violation with input as fixture.app({"mounts": mounts})
	found == {{
		"msg": "service app mounts /sys of the host writable",
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_mounts_of_other_classes_are_not if {
	every class in [
		"", "pipe", "volume-request", "root", "dev",
		"disk", "engine-socket", "service-socket", "runtime-config", "system",
	] {
		mounts := [fixture.reaching(class, "/sys", "/target")]
		found := no_host_proc_sys_mounts.violation with input as fixture.app({"mounts": mounts})
		found == set()
	}
}

test_mount_of_a_hook_is_reported if {
	path := ["services", "app", "pre_start", 0, "volumes", 0]
	mount := object.union(fixture.reaching("proc-sys", "/sys", "/target"), {"path": path})
	found := no_host_proc_sys_mounts.violation with input as fixture.with_hook({"mounts": [mount]})
	{v.path | some v in found} == {path}
}
