package policyd.policies.no_shared_gpu_ids_test

import data.policyd.lib.fixture
import data.policyd.policies.no_shared_gpu_ids

two(a, b) := {"constraints": {}, "unresolved": [], "workloads": [fixture.service("a", a), fixture.service("b", b)]}

by_id(ids) := {"device_requests": [fixture.reservation({"device_ids": ids})]}

test_id_of_two_services_is_reported_for_both if {
	found := no_shared_gpu_ids.violation with input as two(by_id(["0"]), by_id(["0", "1"]))
	{v.msg | some v in found} == {
		"service a names GPU 0, and so does b",
		"service b names GPU 0, and so does a",
	}
}

test_cdi_name_equals_the_id_of_its_vendor if {
	found := no_shared_gpu_ids.violation with input as two(by_id(["2"]), {"devices": [fixture.device("nvidia.com/gpu=2")]})
	{v.service | some v in found} == {"a", "b"}
}

test_id_twice_in_one_method_is_reported if {
	found := no_shared_gpu_ids.violation with input as fixture.app({
		"runtime": "nvidia",
		"environment": {"NVIDIA_VISIBLE_DEVICES": "1,0,1"},
	})
	found == {{
		"msg": "service app names GPU 1 twice (runtime)",
		"service": "app",
		"path": ["services", "app", "runtime"],
	}}
}

test_id_of_several_replicas_is_reported if {
	found := no_shared_gpu_ids.violation with input as fixture.app(object.union(by_id(["0", "1"]), {"replicas": 3}))
	{v.msg | some v in found} == {"service app has 3 replicas, and each gets the same GPU: 0, 1"}
}

test_one_id_by_two_methods_of_one_service_is_not if {
	fields := {"runtime": "nvidia", "environment": {"NVIDIA_VISIBLE_DEVICES": "0"}}
	found := no_shared_gpu_ids.violation with input as fixture.app(object.union(by_id(["0"]), fields))
	found == set()
}

test_counts_all_and_other_vendors_are_not if {
	found := no_shared_gpu_ids.violation with input as two(
		{"replicas": 4, "device_requests": [fixture.reservation({"count": 1}), fixture.reservation({"count": -1})]},
		{"device_requests": [fixture.reservation({"driver": "amd", "device_ids": ["0"]})]},
	)
	found == set()
}
