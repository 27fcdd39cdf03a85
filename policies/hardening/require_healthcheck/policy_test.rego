package policyd.policies.require_healthcheck_test

import data.policyd.lib.fixture
import data.policyd.policies.require_healthcheck

test_missing_and_disabled_checks_are_reported if {
	given := {"workloads": [fixture.service("a", {}), fixture.service("b", {"healthcheck": "disabled"})]}
	found := require_healthcheck.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "a", "healthcheck"], "service a sets no health check"],
		["b", ["services", "b", "healthcheck"], "service b disables its health check"],
	}
}

test_check_is_allowed_and_jobs_need_none if {
	given := {"workloads": [fixture.service("a", {"healthcheck": "set"}), fixture.service("b", {"kind": "job"})]}
	found := require_healthcheck.violation with input as given
	found == set()
}
