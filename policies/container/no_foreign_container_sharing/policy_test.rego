package policyd.policies.no_foreign_container_sharing_test

import data.policyd.lib.fixture
import data.policyd.policies.no_foreign_container_sharing

test_namespaces_and_volumes_of_a_foreign_container_are_reported if {
	found := no_foreign_container_sharing.violation with input as fixture.app({
		"pid": "container:x",
		"ipc": "container:mps",
		"volumes_from": ["db", "container:store:ro"],
	})
	{[v.path, v.msg] | some v in found} == {
		[["services", "app", "pid"], "service app shares with a container outside the project: pid: container:x"],
		[["services", "app", "ipc"], "service app shares with a container outside the project: ipc: container:mps"],
		[
			["services", "app", "volumes_from", 1],
			"service app uses the volumes of a container outside the project: container:store:ro",
		],
	}
}

test_services_and_networks_are_not if {
	fields := {"pid": "service:db", "network_mode": "container:x", "volumes_from": ["db:ro"]}
	found := no_foreign_container_sharing.violation with input as fixture.app(fields)
	found == set()
}
