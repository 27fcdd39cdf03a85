package policyd.policies.no_raw_device_nodes_test

import data.policyd.lib.fixture
import data.policyd.policies.no_raw_device_nodes

test_device_node_is_reported_at_the_device if {
	path := ["services", "app", "devices", 0]
	found := no_raw_device_nodes.violation with input as fixture.granted({"method": "device-node", "path": path, "text": "/dev/kfd"})
	found == {{"msg": "service app maps the device node /dev/kfd", "service": "app", "path": path}}
}

test_mounts_and_cdi_names_are_not_reported if {
	every method in ["mount", "cdi"] {
		found := no_raw_device_nodes.violation with input as fixture.granted({"method": method})
		found == set()
	}
}
