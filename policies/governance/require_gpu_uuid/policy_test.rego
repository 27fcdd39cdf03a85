package policyd.policies.require_gpu_uuid_test

import data.policyd.lib.fixture
import data.policyd.policies.require_gpu_uuid

test_index_is_reported_in_each_notation if {
	found := require_gpu_uuid.violation with input as fixture.app({"grants": [
		fixture.grant({"devices": ["1", "GPU-aa"]}),
		fixture.grant({"method": "cdi", "form": "devices", "devices": ["nvidia.com/gpu=0:1"]}),
	]})
	{[v.service, v.path, v.msg] | some v in found} == {
		[
			"app",
			["services", "app", "deploy", "resources", "reservations", "devices", 0, "device_ids"],
			"service app names a GPU by its index: 1",
		],
		[
			"app",
			["services", "app", "deploy", "resources", "reservations", "devices", 0, "device_ids"],
			"service app names a GPU by its index: nvidia.com/gpu=0:1",
		],
	}
}

test_uuid_is_allowed if {
	found := require_gpu_uuid.violation with input as fixture.app(fixture.by_ids(["GPU-0a1b", "MIG-2c"]))
	found == set()
}
