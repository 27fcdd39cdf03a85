package policyd.policies.no_host_root_mount_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_root_mount

test_root_is_reported_read_only_too if {
	mount := object.union(fixture.bind("/", "/host"), {"read_only": true})
	found := no_host_root_mount.violation with input as fixture.app({"mounts": [mount]})
	found == {{
		"msg": "service app mounts the root of the host at /host",
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_directory_below_the_root_is_not if {
	found := no_host_root_mount.violation with input as fixture.app({"mounts": [fixture.bind("/srv", "/")]})
	found == set()
}
