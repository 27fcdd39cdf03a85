package policyd.policies.allowed_devices_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_devices

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"allowed-devices": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_node_outside_the_list_is_reported if {
	given := under({"devices": [fixture.device("/dev/ttyUSB0")]}, {"allowed": ["/dev/snd/", "/dev/tty"]})
	found := allowed_devices.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "devices", 0],
		"service app maps the device /dev/ttyUSB0, which is not allowed",
	]}
}

test_node_in_the_list_is_allowed if {
	given := under({"devices": [fixture.device("/dev/ttyUSB0")]}, {"allowed": ["/dev/ttyUSB0"]})
	found := allowed_devices.violation with input as given
	found == set()
}

test_node_in_a_folder_of_the_list_is_allowed if {
	given := under({"devices": [fixture.device("/dev/snd/pcm")]}, {"allowed": ["/dev/snd/"]})
	found := allowed_devices.violation with input as given
	found == set()
}
