package policyd.policies.no_privileged_test

import data.policyd.lib.fixture
import data.policyd.policies.no_privileged

test_privileged_service_is_reported if {
	found := no_privileged.violation with input as fixture.app({"privileged": true})
	found == {{
		"msg": "service app runs privileged, with every device of the host",
		"service": "app",
		"path": ["services", "app", "privileged"],
	}}
}

test_only_the_privileged_service_is_reported if {
	found := no_privileged.violation with input.workloads as [
		fixture.service("db", {}),
		fixture.service("web", {"privileged": true}),
	]
	{v.service | some v in found} == {"web"}
}

test_privileged_hook_is_for_another_policy if {
	found := no_privileged.violation with input as fixture.with_hook({"privileged": true})
	found == set()
}
