package policyd.policies.no_volumes_from_test

import data.policyd.lib.fixture
import data.policyd.policies.no_volumes_from

test_each_entry_is_reported if {
	found := no_volumes_from.violation with input as fixture.app({"volumes_from": ["db:ro"]})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "volumes_from", 0],
		"service app uses all volumes of db",
	]}
}

test_service_without_it_is_allowed if {
	found := no_volumes_from.violation with input as fixture.app({})
	found == set()
}
