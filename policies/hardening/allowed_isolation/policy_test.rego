package policyd.policies.allowed_isolation_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_isolation

constraints := {"allowed-isolation": [{
	"name": "c",
	"parameters": {"isolation": ["default", "hyperv"], "storage_options": ["size"]},
}]}

test_other_values_are_reported if {
	given := fixture.keys({"isolation": "process", "storage_opt": {"size": "10G", "dm.fs": "xfs"}})
	found := allowed_isolation.violation with input as object.union(given, {"constraints": constraints})
	{[v.path, v.msg, v.constraint] | some v in found} == {
		[["services", "app", "isolation"], "service app has the isolation process, which is not allowed", "c"],
		[
			["services", "app", "storage_opt", "dm.fs"],
			"service app sets the storage option dm.fs, which is not allowed",
			"c",
		],
	}
}

test_listed_values_are_allowed if {
	given := fixture.keys({"isolation": "hyperv", "storage_opt": {"size": "10G"}})
	found := allowed_isolation.violation with input as object.union(given, {"constraints": constraints})
	found == set()
}
