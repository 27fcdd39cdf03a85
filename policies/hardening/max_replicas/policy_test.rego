package policyd.policies.max_replicas_test

import data.policyd.lib.fixture
import data.policyd.policies.max_replicas

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"max-replicas": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_more_than_the_limit_is_reported if {
	found := max_replicas.violation with input as under({"replicas": 3}, {"limit": 2})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app"],
		"service app has 3 replicas; the limit is 2",
	]}
}

test_limit_is_allowed if {
	found := max_replicas.violation with input as under({"replicas": 2}, {"limit": 2})
	found == set()
}
