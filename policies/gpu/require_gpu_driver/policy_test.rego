package policyd.policies.require_gpu_driver_test

import data.policyd.lib.fixture
import data.policyd.policies.require_gpu_driver

requested(driver) := {"device_requests": [fixture.reservation({"driver": driver})], "grants": [fixture.grant({})]}

test_request_without_a_driver_is_reported if {
	found := require_gpu_driver.violation with input as fixture.app(requested(""))
	found == {{
		"msg": "service app requests devices (device_ids: 0) and does not name a driver",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0],
	}}
}

test_named_driver_is_not_reported if {
	found := require_gpu_driver.violation with input as fixture.app(requested("nvidia"))
	found == set()
}

test_request_that_selects_nothing_is_not_reported if {
	found := require_gpu_driver.violation with input as fixture.app({"device_requests": [fixture.reservation({"driver": ""})]})
	found == set()
}
