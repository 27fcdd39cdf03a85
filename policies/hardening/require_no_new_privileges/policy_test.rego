package policyd.policies.require_no_new_privileges_test

import data.policyd.lib.fixture
import data.policyd.policies.require_no_new_privileges

test_service_without_the_option_is_reported if {
	given := fixture.app({"security_opt": ["no-new-privileges:false", "seccomp=default.json"]})
	found := require_no_new_privileges.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "security_opt"],
		"service app does not set no-new-privileges",
	]}
}

test_each_notation_is_accepted if {
	found := require_no_new_privileges.violation with input as {"workloads": [
		fixture.service("a", {"security_opt": ["no-new-privileges:true"]}),
		fixture.service("b", {"security_opt": ["no-new-privileges=true"]}),
		fixture.service("c", {"security_opt": ["label=type:app", "no-new-privileges"]}),
	]}
	found == set()
}

test_hooks_and_providers_are_not_reported if {
	found := require_no_new_privileges.violation with input as {"workloads": [
		fixture.pre_start({}),
		fixture.service("model", {"provider": "model"}),
	]}
	found == set()
}
