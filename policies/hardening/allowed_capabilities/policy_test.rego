package policyd.policies.allowed_capabilities_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_capabilities

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"allowed-capabilities": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_capability_outside_the_list_is_reported if {
	given := under({"cap_add": ["NET_BIND_SERVICE", "CAP_SYS_TIME"]}, {"allowed": ["NET_BIND_SERVICE"]})
	found := allowed_capabilities.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "cap_add", 1],
		"service app adds the capability CAP_SYS_TIME, which is not allowed",
	]}
}

test_capability_in_the_list_is_allowed_however_it_is_written if {
	given := under({"cap_add": ["cap_chown", "KILL"]}, {"allowed": ["CHOWN", "KILL"]})
	found := allowed_capabilities.violation with input as given
	found == set()
}

test_all_is_not_allowed_by_a_list_of_others if {
	found := allowed_capabilities.violation with input as under({"cap_add": ["ALL"]}, {"allowed": ["CHOWN"]})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "cap_add", 0],
		"service app adds the capability ALL, which is not allowed",
	]}
}
