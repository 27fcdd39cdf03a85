package policyd.policies.no_gpu_via_volume_request_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_via_volume_request

test_mount_of_dev_null_below_the_request_directory_is_reported if {
	mounts := [fixture.bind("/dev/null", "/var/run/nvidia-container-devices/0")]
	found := no_gpu_via_volume_request.violation with input as fixture.app({"mounts": mounts})
	found == {{
		"msg": "service app requests a GPU by mounting /dev/null at /var/run/nvidia-container-devices/0",
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_bare_prefix_is_enough if {
	found := no_gpu_via_volume_request.violation with input as fixture.app({"mounts": [fixture.bind("/dev/null", "/var/run/nvidia-container-devices0")]})
	count(found) == 1
}

test_other_sources_targets_and_imex_are_not if {
	found := no_gpu_via_volume_request.violation with input as fixture.app({"mounts": [
		fixture.bind("/srv/null", "/var/run/nvidia-container-devices/0"),
		fixture.bind("/dev/null", "/run/nvidia-container-devices/0"),
		fixture.bind("/dev/null", "/var/run/nvidia-container-devices/imex/0"),
	]})
	found == set()
}
