package policyd.policies.no_gpu_loader_variables_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_loader_variables

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-gpu-loader-variables": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_variable_of_a_gpu_service_is_reported if {
	given := under(
		object.union(fixture.by_ids(["0"]), {"environment": {"LD_PRELOAD": "/x.so", "LD_AUDIT": ""}}),
		{"variables": ["LD_PRELOAD", "LD_AUDIT"]},
	)
	found := no_gpu_loader_variables.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "environment", "LD_PRELOAD"],
		"service app gets a GPU and sets the loader variable LD_PRELOAD",
	]}
}

test_service_without_a_gpu_is_allowed if {
	given := under({"environment": {"LD_PRELOAD": "/x.so"}}, {"variables": ["LD_PRELOAD"]})
	found := no_gpu_loader_variables.violation with input as given
	found == set()
}
