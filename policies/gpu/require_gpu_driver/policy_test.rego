package policyd.policies.require_gpu_driver_test

import data.policyd.lib.fixture
import data.policyd.policies.require_gpu_driver

test_request_without_a_driver_is_reported if {
	found := require_gpu_driver.violation with input as fixture.app({"device_requests": [fixture.reservation({"driver": "", "count": 1})]})
	found == {{
		"msg": "service app requests devices (count: 1) without naming a driver: any driver may answer",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0],
	}}
}

test_named_driver_is_not if {
	found := require_gpu_driver.violation with input as fixture.app({"device_requests": [fixture.reservation({"count": 1})]})
	found == set()
}

test_request_that_selects_nothing_is_not if {
	found := require_gpu_driver.violation with input as fixture.app({"device_requests": [fixture.reservation({"driver": "", "device_ids": ["none"]})]})
	found == set()
}
