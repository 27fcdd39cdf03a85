package policyd.policies.require_gpu_lease_test

import data.policyd.lib.fixture
import data.policyd.policies.require_gpu_lease

given(project, labels, of_workload) := {
	"constraints": {"require-gpu-lease": [{"name": "c", "parameters": {"labels": labels}}]},
	"project": project,
	"workloads": [
		fixture.service("app", object.union(fixture.by_ids(["0"]), {"labels": of_workload})),
		fixture.service("web", {}),
	],
}

test_gpu_without_an_end_is_reported if {
	found := require_gpu_lease.violation with input as given({}, [], {})
	{[v.service, v.path, v.msg, v.constraint] | some v in found} == {[
		"app",
		["services", "app"],
		"service app gets a GPU without an end: the project has no x-policyd-until",
		"c",
	]}
	labelled := require_gpu_lease.violation with input as given({}, ["batch"], {"batch": ""})
	count(labelled) == 1
}

test_project_with_an_end_and_other_workloads_are_allowed if {
	every entry in [given({"x-policyd-until": "2027-01-31"}, [], {}), given({}, ["batch"], {"tier": "web"})] {
		found := require_gpu_lease.violation with input as entry
		found == set()
	}
}
