package policyd.policies.allowed_sysctls_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_sysctls

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"allowed-sysctls": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_parameter_outside_the_list_is_reported if {
	given := under({"sysctls": {"kernel.msgmax": "1", "net.x": "2"}}, {"allowed": ["net.x"]})
	found := allowed_sysctls.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "sysctls", "kernel.msgmax"],
		"service app sets the kernel parameter kernel.msgmax, which is not allowed: 1",
	]}
}

test_parameter_in_the_list_is_allowed if {
	found := allowed_sysctls.violation with input as under({"sysctls": {"net.x": "2"}}, {"allowed": ["net.x"]})
	found == set()
}
