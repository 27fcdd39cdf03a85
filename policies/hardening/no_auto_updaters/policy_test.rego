package policyd.policies.no_auto_updaters_test

import data.policyd.lib.fixture
import data.policyd.policies.no_auto_updaters

constraints := {"no-auto-updaters": [{"name": "c", "parameters": {"names": ["watchtower"]}}]}

socket := {"grants": [fixture.grant({"method": "api-socket"})]}

test_updater_with_the_socket_is_reported if {
	given := {
		"constraints": constraints,
		"workloads": [
			fixture.service("a", object.union(socket, {"image": "containrrr/watchtower:1.7.1"})),
			fixture.service("b", {"image": "watchtower", "environment": {"DOCKER_HOST": "tcp://proxy:2375"}}),
		],
	}
	found := no_auto_updaters.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		[
			"a",
			["services", "a", "image"],
			"service a replaces containers by itself: watchtower has access to the engine",
		],
		[
			"b",
			["services", "b", "image"],
			"service b replaces containers by itself: watchtower has access to the engine",
		],
	}
}

test_other_images_and_no_access_are_allowed if {
	given := {
		"constraints": constraints,
		"workloads": [
			fixture.service("a", object.union(socket, {"image": "portainer/portainer-ce:2"})),
			fixture.service("b", {"image": "containrrr/watchtower:1.7.1"}),
		],
	}
	found := no_auto_updaters.violation with input as given
	found == set()
}
