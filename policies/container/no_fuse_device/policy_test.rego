package policyd.policies.no_fuse_device_test

import data.policyd.lib.fixture
import data.policyd.policies.no_fuse_device

test_fuse_is_reported_by_name_and_by_number if {
	every node in ["/dev/fuse", "/dev/char/10:229"] {
		found := no_fuse_device.violation with input as fixture.app({"devices": [fixture.device(node)]})
		found == {{
			"msg": sprintf("service app maps the FUSE device %s", [node]),
			"service": "app",
			"path": ["services", "app", "devices", 0],
		}}
	}
}

test_other_nodes_are_not if {
	devices := [fixture.device("/dev/fuse2"), fixture.device("/dev/net/tun")]
	found := no_fuse_device.violation with input as fixture.app({"devices": devices})
	found == set()
}
