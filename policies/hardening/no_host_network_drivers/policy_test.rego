package policyd.policies.no_host_network_drivers_test

import data.policyd.policies.no_host_network_drivers

test_driver_of_the_host_is_reported if {
	given := {"project": {"networks": {"lan": {"driver": "macvlan"}, "back": {"driver": "bridge"}, "x": {}}}}
	found := no_host_network_drivers.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"",
		["networks", "lan", "driver"],
		"the network lan has the driver macvlan",
	]}
}

test_project_without_networks_is_allowed if {
	found := no_host_network_drivers.violation with input as {"project": {}}
	found == set()
}
