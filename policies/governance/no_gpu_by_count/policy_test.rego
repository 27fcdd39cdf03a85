package policyd.policies.no_gpu_by_count_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_by_count

test_count_is_reported if {
	found := no_gpu_by_count.violation with input as fixture.app(fixture.by_count(2))
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "deploy", "resources", "reservations", "devices", 0, "count"],
		"service app gets the first GPUs of the host: count: 2",
	]}
}

test_named_gpus_are_allowed if {
	found := no_gpu_by_count.violation with input as fixture.app(fixture.by_ids(["0"]))
	found == set()
}
