package policyd.policies.require_gpu_capability_test

import data.policyd.lib.fixture
import data.policyd.policies.require_gpu_capability

requested(fields) := {"device_requests": [fixture.reservation(fields)], "grants": [fixture.grant({})]}

test_reservation_without_gpu_is_reported if {
	found := require_gpu_capability.violation with input as fixture.app(requested({"capabilities": ["utility", "GPU"]}))
	found == {{
		"msg": "service app reserves devices (device_ids: 0) with the capabilities [utility, GPU], without gpu",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "capabilities"],
	}}
}

test_reservation_with_an_empty_list_is_reported if {
	found := require_gpu_capability.violation with input as fixture.app(requested({"capabilities": []}))
	{v.msg | some v in found} == {"service app reserves devices (device_ids: 0) with the capabilities [], without gpu"}
}

test_gpu_is_enough_and_gpus_and_cdi_entries_need_no_capability if {
	every fields in [
		{"capabilities": ["gpu", "utility"]},
		{"source": "gpus", "capabilities": []},
		{"driver": "cdi", "capabilities": []},
	] {
		found := require_gpu_capability.violation with input as fixture.app(requested(fields))
		found == set()
	}
}

test_reservation_that_selects_nothing_is_not_reported if {
	other := fixture.grant({"path": ["services", "app", "deploy", "resources", "reservations", "devices", 1, "count"]})
	fields := {"device_requests": [fixture.reservation({"capabilities": []})], "grants": [other]}
	found := require_gpu_capability.violation with input as fixture.app(fields)
	found == set()
}
