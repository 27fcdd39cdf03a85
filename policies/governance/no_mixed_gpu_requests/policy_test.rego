package policyd.policies.no_mixed_gpu_requests_test

import data.policyd.lib.fixture
import data.policyd.policies.no_mixed_gpu_requests

test_both_are_reported if {
	given := fixture.app({"device_requests": [fixture.reservation({}), fixture.reservation({"source": "gpus"})]})
	found := no_mixed_gpu_requests.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "gpus"],
		"service app requests GPUs in gpus and in deploy.resources.reservations.devices",
	]}
}

test_two_requests_of_one_kind_are_allowed if {
	given := fixture.app({"device_requests": [fixture.reservation({}), fixture.reservation({})]})
	found := no_mixed_gpu_requests.violation with input as given
	found == set()
}
