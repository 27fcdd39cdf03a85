package policyd.policies.require_gpu_capability_test

import data.policyd.lib.fixture
import data.policyd.policies.require_gpu_capability

test_reservation_without_gpu_is_reported if {
	requests := [fixture.reservation({"count": 1, "capabilities": ["utility", "GPU"]})]
	found := require_gpu_capability.violation with input as fixture.app({"device_requests": requests})
	found == {{
		"msg": "service app reserves devices (count: 1) with capabilities [utility, GPU], and gpu is not among them",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "capabilities"],
	}}
}

test_reservation_with_an_empty_list_is_reported if {
	found := require_gpu_capability.violation with input as fixture.app({"device_requests": [fixture.reservation({"count": 2, "capabilities": []})]})
	{v.msg | some v in found} == {"service app reserves devices (count: 2) with capabilities [], and gpu is not among them"}
}

test_gpus_and_cdi_entries_are_not if {
	found := require_gpu_capability.violation with input as fixture.app({"device_requests": [
		fixture.reservation({"source": "gpus", "count": 1, "capabilities": []}),
		fixture.reservation({"driver": "cdi", "device_ids": ["nvidia.com/gpu=0"], "capabilities": []}),
		fixture.reservation({"count": 0, "capabilities": []}),
	]})
	found == set()
}
