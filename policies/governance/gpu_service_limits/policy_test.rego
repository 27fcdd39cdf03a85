package policyd.policies.gpu_service_limits_test

import data.policyd.lib.fixture
import data.policyd.policies.gpu_service_limits

gpu := {"grants": [fixture.grant({})]}

limits(memory, cpus) := object.union(gpu, {"memory_limit": memory, "cpu_limit": cpus})

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {
	"project": {"services": {"app": {"mem_limit": "1g"}}},
	"constraints": {"gpu-service-limits": [{
		"name": "c",
		"parameters": object.union({"required": ["memory", "cpus"], "max_memory": 0, "max_cpus": 0}, parameters),
	}]},
})

test_missing_limits_are_reported_at_the_service if {
	found := gpu_service_limits.violation with input as under(gpu, {})
	found == {{
		"msg": "service app gets a GPU and has no limit on its memory and cpus",
		"service": "app",
		"path": ["services", "app"],
		"constraint": "c",
	}}
}

test_only_what_is_required_and_missing_is_named if {
	every expected in [
		[limits(1, 0), ["memory", "cpus"], {"service app gets a GPU and has no limit on its cpus"}],
		[limits(0, 1), ["memory", "cpus"], {"service app gets a GPU and has no limit on its memory"}],
		[limits(0, 1), ["cpus"], set()],
		[limits(1, 1), ["memory", "cpus"], set()],
		[limits(0, 0), [], set()],
	] {
		found := gpu_service_limits.violation with input as under(expected[0], {"required": expected[1]})
		{v.msg | some v in found} == expected[2]
	}
}

test_service_without_a_gpu_is_not if {
	found := gpu_service_limits.violation with input as under({"memory_limit": 9}, {"max_memory": 1})
	found == set()
}

test_every_kind_of_grant_counts if {
	found := gpu_service_limits.violation with input as under({"grants": [fixture.everything("privileged", "privileged: true")]}, {})
	count(found) == 1
}

test_limit_above_the_maximum_is_reported_where_it_stands if {
	found := gpu_service_limits.violation with input as under(limits(1073741825, 4000000001), {"max_memory": 1073741824, "max_cpus": 4})
	{[v.path, v.msg] | some v in found} == {
		[
			["services", "app", "mem_limit"],
			"service app gets a GPU and may use 1073741825 bytes of memory; the maximum is 1073741824",
		],
		[["services", "app", "cpus"], "service app gets a GPU and may use more than 4 CPUs"],
	}
	deployed := object.union(
		under(limits(2, 2000000000), {"max_memory": 1, "max_cpus": 1}),
		{"project": {"services": {"app": {"deploy": {"resources": {"limits": {"memory": "2", "cpus": 2}}}}}}},
	)
	below := gpu_service_limits.violation with input as deployed
	{v.path | some v in below} == {
		["services", "app", "deploy", "resources", "limits", "memory"],
		["services", "app", "deploy", "resources", "limits", "cpus"],
	}
}

test_the_maximum_itself_is_not if {
	found := gpu_service_limits.violation with input as under(limits(1073741824, 4000000000), {"max_memory": 1073741824, "max_cpus": 4})
	found == set()
}

test_other_limits_are_not_where_it_stands if {
	fields := object.union(
		under(limits(2, 1), {"max_memory": 1}),
		{"project": {"services": {"app": {"mem_limit": "2", "deploy": {"resources": {"limits": {"pids": 1}}}}}}},
	)
	found := gpu_service_limits.violation with input as fields
	{v.path | some v in found} == {["services", "app", "mem_limit"]}
}

test_limit_of_a_job_or_a_hook_is_reported_at_the_short_key if {
	hook := object.union(fixture.pre_start(limits(2, 1)), {"kind": "hook"})
	input_of := object.union(under({}, {"max_memory": 1, "required": []}), {"workloads": [hook]})
	found := gpu_service_limits.violation with input as input_of
	{v.path | some v in found} == {["services", "app", "pre_start", 0, "mem_limit"]}
}

test_image_counts_only_where_it_is_certain if {
	uncertain := fixture.grant({"method": "image", "devices": "all", "certainty": "default-runtime"})
	found := gpu_service_limits.violation with input as under({"grants": [uncertain]}, {})
	found == set()
}
