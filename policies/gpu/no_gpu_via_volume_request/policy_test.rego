package policyd.policies.no_gpu_via_volume_request_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_via_volume_request

test_volume_request_is_reported if {
	found := no_gpu_via_volume_request.violation with input as fixture.app({"mounts": [fixture.requesting("0")]})
	found == {{
		"msg": "service app requests a GPU by mounting /dev/null at /var/run/nvidia-container-devices/0",
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_other_mounts_and_imex_are_not if {
	mounts := [fixture.bind("/dev/null", "/etc/motd"), fixture.requesting("imex/0")]
	found := no_gpu_via_volume_request.violation with input as fixture.app({"mounts": mounts})
	found == set()
}
