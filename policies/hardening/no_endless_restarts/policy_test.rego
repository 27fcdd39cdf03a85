package policyd.policies.no_endless_restarts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_endless_restarts

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-endless-restarts": [{
	"name": "c",
	"parameters": parameters,
}]}})

restarted(condition, attempts) := {"restart": {
	"condition": condition,
	"max_attempts": attempts,
	"path": ["services", "app", "restart"],
}}

test_on_failure_without_a_limit_is_reported if {
	given := under(restarted("on-failure", 0), {"attempts": 5, "also": [], "gpu_services_only": false})
	found := no_endless_restarts.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "restart"],
		"service app is restarted more than 5 times: on-failure",
	]}
}

test_too_many_attempts_are_reported if {
	given := under(restarted("on-failure", 6), {"attempts": 5, "also": [], "gpu_services_only": false})
	found := no_endless_restarts.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "restart"],
		"service app is restarted more than 5 times: on-failure",
	]}
}

test_limited_and_other_restarts_are_allowed if {
	found := no_endless_restarts.violation with input as {
		"constraints": {"no-endless-restarts": [{
			"name": "c",
			"parameters": {"attempts": 5, "also": [], "gpu_services_only": false},
		}]},
		"workloads": [
			fixture.service("a", restarted("on-failure", 5)),
			fixture.service("b", restarted("always", 0)),
			fixture.service("c", {}),
		],
	}
	found == set()
}

test_always_is_reported_on_request if {
	given := under(restarted("always", 0), {"attempts": 5, "also": ["always"], "gpu_services_only": false})
	found := no_endless_restarts.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "restart"],
		"service app is restarted more than 5 times: always",
	]}
}

test_only_gpu_services_are_reported_on_request if {
	given := under(restarted("always", 0), {"attempts": 5, "also": ["always"], "gpu_services_only": true})
	found := no_endless_restarts.violation with input as given
	found == set()
}
