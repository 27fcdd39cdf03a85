package policyd.policies.no_shared_volumes_test

import data.policyd.lib.fixture
import data.policyd.policies.no_shared_volumes

test_volume_with_two_writers_is_reported_for_both if {
	found := no_shared_volumes.violation with input as {"workloads": [
		fixture.service("a", {"mounts": [fixture.bind("/srv", "/a")]}),
		fixture.service("b", {"mounts": [fixture.bind("/srv", "/b")]}),
	]}
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "app", "volumes", 0], "service a and b can both write to /srv"],
		["b", ["services", "app", "volumes", 0], "service b and a can both write to /srv"],
	}
}

test_reader_is_not_reported if {
	found := no_shared_volumes.violation with input as {"workloads": [
		fixture.service("a", {"mounts": [fixture.bind("/srv", "/a")]}),
		fixture.service("b", {"mounts": [object.union(fixture.bind("/srv", "/b"), {"read_only": true})]}),
	]}
	found == set()
}
