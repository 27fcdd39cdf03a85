package policyd.policies.no_unlimited_ulimits_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unlimited_ulimits

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-unlimited-ulimits": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_unlimited_resource_is_reported if {
	given := under(
		{"ulimits": {"nproc": {"soft": 1, "hard": -1}, "memlock": {"soft": -1, "hard": -1}}},
		{"resources": ["nproc"]},
	)
	found := no_unlimited_ulimits.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "ulimits", "nproc"],
		"service app has no limit on the resource nproc",
	]}
}

test_limited_resource_is_allowed if {
	given := under({"ulimits": {"nproc": {"soft": 1, "hard": 2}}}, {"resources": ["nproc", "nofile"]})
	found := no_unlimited_ulimits.violation with input as given
	found == set()
}
