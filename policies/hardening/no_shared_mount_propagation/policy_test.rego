package policyd.policies.no_shared_mount_propagation_test

import data.policyd.lib.fixture
import data.policyd.policies.no_shared_mount_propagation

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-shared-mount-propagation": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_propagation_in_the_list_is_reported if {
	given := under(
		{"mounts": [object.union(fixture.bind("/srv", "/srv"), {"propagation": "rshared"})]},
		{"propagations": ["rshared"]},
	)
	found := no_shared_mount_propagation.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "volumes", 0],
		"service app mounts /srv with the propagation rshared",
	]}
}

test_other_propagation_is_allowed if {
	given := under(
		{"mounts": [object.union(fixture.bind("/srv", "/srv"), {"propagation": "rprivate"})]},
		{"propagations": ["rshared"]},
	)
	found := no_shared_mount_propagation.violation with input as given
	found == set()
}
