package policyd.policies.no_shared_gpu_ids_test

import data.policyd.lib.fixture
import data.policyd.policies.no_shared_gpu_ids

by_id(ids) := {"grants": [fixture.grant({"devices": ids, "identities": ids, "text": concat(", ", ids)})]}

by_count(ids) := {"grants": [fixture.grant({"devices": {"count": count(ids)}, "identities": ids, "text": "count"})]}

two(a, b) := {
	"constraints": {},
	"unresolved": [],
	"requestedProfiles": [],
	"workloads": [fixture.service("a", a), fixture.service("b", b)],
}

test_gpu_of_two_services_is_reported_for_both if {
	found := no_shared_gpu_ids.violation with input as two(by_id(["0"]), by_id(["0", "1"]))
	{v.msg | some v in found} == {
		"service a gets GPU 0, which is also given to service b",
		"service b gets GPU 0, which is also given to service a",
	}
}

test_count_is_the_first_gpus if {
	found := no_shared_gpu_ids.violation with input as two(by_id(["1"]), by_count(["0", "1"]))
	{v.msg | some v in found} == {
		"service a gets GPU 1, which is also given to service b",
		"service b gets GPU 1, which is also given to service a",
	}
}

test_gpu_twice_in_one_method_is_reported if {
	found := no_shared_gpu_ids.violation with input as fixture.app(by_id(["1", "0", "1"]))
	found == {{
		"msg": "service app names GPU 1 twice (reservation)",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "device_ids"],
	}}
}

test_gpu_of_several_replicas_is_reported if {
	every fields in [by_id(["0"]), by_count(["0"])] {
		found := no_shared_gpu_ids.violation with input as fixture.app(object.union(fields, {"replicas": 3}))
		{v.msg | some v in found} == {
			sprintf("service app has 3 replicas, which all get the same GPUs: %s", [fields.grants[0].text]),
		}
	}
}

test_hook_shares_with_other_services_only if {
	own := no_shared_gpu_ids.violation with input as fixture.with_hook_of(by_id(["0"]), by_id(["0"]))
	own == set()
	with_other := fixture.with_hook(by_id(["0"]))
	workloads := array.concat(with_other.workloads, [fixture.service("b", by_id(["0"]))])
	found := no_shared_gpu_ids.violation with input as object.union(with_other, {"workloads": workloads})
	{v.msg | some v in found} == {
		"hook 0 of service app gets GPU 0, which is also given to service b",
		"service b gets GPU 0, which is also given to hook 0 of service app",
	}
}

apart := two(
	object.union(by_id(["0"]), {"profiles": ["day"]}),
	object.union(by_id(["0"]), {"profiles": ["night"]}),
)

test_services_in_profiles_that_exclude_each_other_do_not_share if {
	found := no_shared_gpu_ids.violation with input as apart
	found == set()
	every requested in [["day"], ["other"]] {
		still := no_shared_gpu_ids.violation with input as object.union(apart, {"requestedProfiles": requested})
		still == set()
	}
}

test_profiles_that_are_requested_together_share if {
	every requested in [["day", "night"], ["*"]] {
		found := no_shared_gpu_ids.violation with input as object.union(apart, {"requestedProfiles": requested})
		count(found) == 2
	}
}

test_common_profile_or_none_shares if {
	every profiles in [[], ["day"], ["night", "day"]] {
		workloads := two(
			object.union(by_id(["0"]), {"profiles": ["day"]}),
			object.union(by_id(["0"]), {"profiles": profiles}),
		)
		found := no_shared_gpu_ids.violation with input as workloads
		count(found) == 2
	}
}

test_one_gpu_by_two_methods_of_one_service_is_not_reported if {
	grants := [fixture.grant({}), fixture.grant({"method": "runtime"}), fixture.grant({"devices": {"count": 1}})]
	found := no_shared_gpu_ids.violation with input as fixture.app({"grants": grants})
	found == set()
}

test_other_vendors_all_and_other_methods_are_not_reported if {
	every grant in [
		{"vendor": "amd"},
		{"devices": "all", "identities": []},
		{"method": "device-node"},
		{"method": "mount", "form": "devices"},
	] {
		found := no_shared_gpu_ids.violation with input as two(by_id(["0"]), {"grants": [fixture.grant(grant)]})
		found == set()
	}
}

both(method) := {"grants": [
	fixture.grant({"method": method}),
	fixture.grant({"method": method, "devices": "all", "identities": []}),
]}

test_all_wins_over_ids_of_its_method_but_each_request_is_for_itself if {
	added := no_shared_gpu_ids.violation with input as two(by_id(["0"]), both("cdi"))
	added == set()
	single := no_shared_gpu_ids.violation with input as two(by_id(["0"]), both("gpus"))
	count(single) == 2
}
