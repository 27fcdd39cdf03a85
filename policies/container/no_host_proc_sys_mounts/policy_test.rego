package policyd.policies.no_host_proc_sys_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_proc_sys_mounts

test_writable_proc_and_sys_are_reported if {
	every source in ["/proc", "/proc/sys/kernel/core_pattern", "/sys", "/sys/fs/cgroup"] {
		found := no_host_proc_sys_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/p")]})
		found == {{
			"msg": sprintf("service app mounts %s of the host writable", [source]),
			"service": "app",
			"path": ["services", "app", "volumes", 0],
		}}
	}
}

test_read_only_and_similar_names_are_not if {
	read_only := object.union(fixture.bind("/sys", "/s"), {"read_only": true})
	mounts := [read_only, fixture.bind("/processing", "/p"), fixture.bind("/system", "/s")]
	found := no_host_proc_sys_mounts.violation with input as fixture.app({"mounts": mounts})
	found == set()
}
