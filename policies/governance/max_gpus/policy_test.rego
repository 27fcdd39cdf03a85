package policyd.policies.max_gpus_test

import data.policyd.lib.fixture
import data.policyd.policies.max_gpus

# limited is the input of `services`, fields by name, under one constraint.
limited(services, parameters) := {
	"constraints": {"max-gpus": [{"name": "c", "parameters": object.union({"limit": 4, "service_limit": -1}, parameters)}]},
	"workloads": [fixture.service(name, fields) | some name, fields in services],
	"unresolved": [],
}

count_of(n) := fixture.by_count(n)

entry := ["services", "app", "deploy", "resources", "reservations", "devices", 0]

test_count_above_the_limit_is_reported_at_the_count if {
	found := max_gpus.violation with input as limited({"app": count_of(5)}, {})
	found == {{
		"msg": "service app gets 5 GPUs, and the limit is 4",
		"service": "app",
		"path": array.concat(entry, ["count"]),
		"constraint": "c",
	}}
}

test_the_limit_itself_is_not if {
	every fields in [
		count_of(4),
		object.union(count_of(2), {"replicas": 2}),
		fixture.by_ids(["0", "1", "2", "3"]),
		{},
	] {
		found := max_gpus.violation with input as limited({"app": fields}, {})
		found == set()
	}
}

test_replicas_multiply if {
	found := max_gpus.violation with input as limited({"app": object.union(count_of(2), {"replicas": 3})}, {})
	{v.msg | some v in found} == {"service app gets 6 GPUs, 2 in each of 3 replicas, and the limit is 4"}
}

test_counts_and_ids_of_all_methods_add_up_and_one_gpu_counts_once if {
	fields := {"grants": [
		fixture.counted(1),
		fixture.grant({"devices": ["0", "1", "1"], "identities": ["0", "1", "1"]}),
		fixture.grant({"method": "cdi", "devices": ["nvidia.com/gpu=1"], "identities": ["1"]}),
		fixture.grant({"method": "cdi", "vendor": "amd", "devices": ["amd.com/gpu=1"], "identities": ["1"]}),
		fixture.grant({"method": "environment", "devices": ["0", "02"], "identities": ["0", "2"]}),
		fixture.grant({"method": "generic-resource", "devices": {"count": 2}, "identities": []}),
	]}
	found := max_gpus.violation with input as limited({"app": fields}, {})
	{v.msg | some v in found} == {"service app gets 7 GPUs, and the limit is 4"}
}

test_all_is_over_any_limit if {
	every fields in [
		{"grants": [fixture.everything("runtime", "t")]},
		{"grants": [fixture.everything("image", "t")]},
		{"replicas": 0, "grants": [fixture.everything("cdi", "t")]},
	] {
		found := max_gpus.violation with input as limited({"app": fields}, {"limit": 1000000})
		count(found) == 1
		some v in found
		startswith(v.msg, "service app gets every GPU (")
		endswith(v.msg, "), and the limit is 1000000")
	}
}

test_devices_that_cannot_be_counted_stand_for_all if {
	every fields in [
		{"method": "device-node"},
		{"method": "mount", "form": "devices"},
		{"method": "cgroup-rule"},
		{"method": "build", "form": "devices"},
	] {
		found := max_gpus.violation with input as limited({"app": {"grants": [fixture.grant(fields)]}}, {"limit": 100})
		count(found) == 1
		some v in found
		startswith(v.msg, "service app gets GPUs that cannot be counted (")
	}
	privileged := max_gpus.violation with input as limited({"app": {"grants": [fixture.everything("privileged", "privileged: true")]}}, {"limit": 100})
	{v.msg | some v in privileged} == {"service app gets every GPU (privileged: true), and the limit is 100"}
}

test_services_together_are_reported_at_the_services if {
	found := max_gpus.violation with input as limited({"a": count_of(2), "b": object.union(count_of(1), {"replicas": 3}), "c": {}}, {})
	found == {{
		"msg": "the services and jobs of the project get 5 GPUs together, and the limit is 4: a (2), b (3)",
		"service": "",
		"path": ["services"],
		"constraint": "c",
	}}
}

test_one_service_above_the_limit_is_not_reported_again_for_the_project if {
	found := max_gpus.violation with input as limited({"a": count_of(9), "b": {}}, {})
	{v.service | some v in found} == {"a"}
}

test_service_may_have_a_limit_of_its_own if {
	found := max_gpus.violation with input as limited({"a": count_of(2), "b": count_of(1)}, {"service_limit": 1})
	{v.msg | some v in found} == {"service a gets 2 GPUs, and the limit is 1"}
	wide := max_gpus.violation with input as limited({"a": count_of(5)}, {"service_limit": 9})
	{v.msg | some v in wide} == {"service a gets 5 GPUs, and the limit is 4"}
	none := max_gpus.violation with input as limited({"a": count_of(1)}, {"service_limit": 0})
	{v.msg | some v in none} == {"service a gets 1 GPU, and the limit is 0"}
}

test_each_constraint_reports_by_its_own_limit if {
	constraints := {"max-gpus": [
		{"name": "tight", "parameters": {"limit": 1, "service_limit": -1}},
		{"name": "loose", "parameters": {"limit": 2, "service_limit": -1}},
	]}
	found := max_gpus.violation with input as object.union(limited({"app": count_of(2)}, {}), {"constraints": constraints})
	{v.constraint | some v in found} == {"tight"}
}

test_huge_numbers_are_over_the_limit if {
	fields := object.union(count_of(9223372036854775807), {"replicas": 9223372036854775807})
	found := max_gpus.violation with input as limited({"app": fields}, {})
	count(found) == 1
}

test_the_limit_itself_for_services_together_is_not_and_each_is_named if {
	services := {"a": count_of(3), "b": count_of(1)}
	none := max_gpus.violation with input as limited(services, {})
	none == set()
	found := max_gpus.violation with input as limited(services, {"limit": 3})
	{v.msg | some v in found} == {"the services and jobs of the project get 4 GPUs together, and the limit is 3: a (3), b (1)"}
}

test_count_is_reported_at_the_first_declaration_that_gives if {
	two := {"grants": [fixture.counted(3), object.union(fixture.counted(3), {"path": ["z", "count"]})]}
	found := max_gpus.violation with input as limited({"app": two}, {})
	{v.path | some v in found} == {array.concat(entry, ["count"])}
	beside := {"grants": [
		fixture.grant({"method": "device-node", "path": ["services", "app", "devices", 0]}),
		fixture.grant({
			"method": "environment",
			"identities": ["0", "1", "2", "3", "4"],
			"path": ["services", "app", "environment", "NVIDIA_VISIBLE_DEVICES"],
		}),
	]}
	named := max_gpus.violation with input as limited({"app": beside}, {})
	{v.path[2] | some v in named; contains(v.msg, "5 GPUs")} == {"environment"}
}

test_service_counts_with_the_larger_of_itself_and_its_hooks if {
	both := fixture.with_hook_of(fixture.by_count(2), fixture.by_count(3))
	found := max_gpus.violation with input as object.union(limited({}, {}), {"workloads": array.concat(both.workloads, [fixture.service("b", count_of(2))])})
	{v.msg | some v in found} == {
		"the services and jobs of the project get 5 GPUs together, and the limit is 4: app (3), b (2)",
	}
}

test_image_on_an_unknown_host_is_not_counted if {
	image := fixture.grant({"method": "image", "devices": "all", "identities": [], "certainty": "default-runtime"})
	found := max_gpus.violation with input as limited({"app": {"grants": [image]}}, {})
	found == set()
}
