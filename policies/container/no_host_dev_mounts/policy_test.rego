package policyd.policies.no_host_dev_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_dev_mounts

test_devices_and_directories_of_drivers_are_reported if {
	every source in [
		"/dev", "/dev/char", "/dev/nvidia0", "/dev/dri", "/dev/vfio", "/proc/driver/nvidia/gpus", "/run/nvidia",
		"/run/nvidia/driver/dev",
	] {
		found := no_host_dev_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/d")]})
		found == {{
			"msg": sprintf("service app mounts devices of the host: %s", [source]),
			"service": "app",
			"path": ["services", "app", "volumes", 0],
		}}
	}
}

test_other_nodes_libraries_and_targets_are_not if {
	every source in ["/dev/null", "/dev/shm", "/dev/urandom", "/usr/lib/nvidia", "/run/nvidia/mps", "/proc/driver"] {
		found := no_host_dev_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/dev/nvidia0")]})
		found == set()
	}
}

test_named_volume_is_not if {
	mount := object.union(fixture.bind("/dev", "/d"), {"type": "volume"})
	found := no_host_dev_mounts.violation with input as fixture.app({"mounts": [mount]})
	found == set()
}
