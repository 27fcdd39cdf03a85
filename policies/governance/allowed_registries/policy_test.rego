package policyd.policies.allowed_registries_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_registries

test_registry_outside_the_list_is_reported if {
	given := {
		"constraints": {"allowed-registries": [{"name": "c", "parameters": {"registries": ["docker.io", "ghcr.io/acme/"]}}]},
		"workloads": [
			fixture.service("a", {"image": "evil.example/nginx:1"}),
			fixture.service("b", {"image": "nginx:1"}),
			fixture.service("c", {"image": "acme/app:1"}),
			fixture.service("d", {"image": "ghcr.io/acme/app:1"}),
			fixture.service("e", {"image": "ghcr.io/other/app:1"}),
			fixture.service("f", {"image": "app", "build": fixture.build({})}),
		],
	}
	found := allowed_registries.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		[
			"a",
			["services", "a", "image"],
			"service a runs an image of the registry evil.example, which is not allowed",
		],
		["e", ["services", "e", "image"], "service e runs an image of the registry ghcr.io, which is not allowed"],
	}
}
