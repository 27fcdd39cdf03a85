package policyd.policies.gpu_shared_memory_test

import data.policyd.lib.fixture
import data.policyd.policies.gpu_shared_memory

given(parameters, fields, keys) := {
	"constraints": {"gpu-shared-memory": [{"name": "c", "parameters": parameters}]},
	"project": {"services": {"app": keys}},
	"workloads": [fixture.service("app", object.union(fixture.by_ids(["0"]), fields))],
}

limits := {"min_bytes": 1073741824, "max_bytes": 8589934592}

test_sizes_out_of_bounds_are_reported if {
	every size in ["536870912", "17179869184"] {
		found := gpu_shared_memory.violation with input as given(limits, {}, {"shm_size": size})
		{[v.path, v.msg] | some v in found} == {[
			["services", "app", "shm_size"],
			sprintf("service app gets a GPU and %s bytes of shared memory; allowed are 1073741824 to 8589934592", [size]),
		]}
	}
}

test_missing_size_is_reported if {
	found := gpu_shared_memory.violation with input as given(object.union(limits, {"max_bytes": 0}), {}, {})
	{[v.path, v.msg] | some v in found} == {[
		["services", "app"],
		"service app gets a GPU and has no shm_size, so 64 MiB of shared memory; allowed are 1073741824 or more",
	]}
}

test_tmpfs_without_size_is_reported if {
	mount := {"target": "/dev/shm/", "options": ["mode=1777"], "path": ["services", "app", "tmpfs", 0]}
	found := gpu_shared_memory.violation with input as given(limits, {"tmpfs": [mount]}, {})
	{[v.path, v.msg] | some v in found} == {[
		["services", "app", "tmpfs", 0],
		"service app gets a GPU and has a tmpfs on /dev/shm without a size",
	]}
}

test_sizes_within_bounds_are_allowed if {
	mount := {"target": "/dev/shm", "options": ["size=4g"], "path": ["services", "app", "tmpfs", 0]}
	every entry in [
		given(limits, {}, {"shm_size": "8589934592"}),
		given(limits, {"tmpfs": [mount]}, {}),
		given(limits, {"ipc": "service:other"}, {}),
		given({"min_bytes": 0, "max_bytes": 0}, {}, {"shm_size": "1"}),
		given(limits, {"grants": []}, {"shm_size": "1"}),
	] {
		found := gpu_shared_memory.violation with input as entry
		found == set()
	}
}
