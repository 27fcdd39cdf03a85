package policyd.policies.known_accelerator_vendor_test

import data.policyd.lib.fixture
import data.policyd.policies.known_accelerator_vendor

test_unknown_driver_is_reported_at_the_driver if {
	found := known_accelerator_vendor.violation with input as fixture.app({"device_requests": [fixture.reservation({"driver": "NVIDIA", "count": 1})]})
	found == {{
		"msg": "service app uses the driver NVIDIA, which is not a known one",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "driver"],
	}}
}

test_cdi_name_of_an_unknown_vendor_is_reported if {
	found := known_accelerator_vendor.violation with input as fixture.app({"devices": [fixture.device("notnvidia.com/gpu=0")]})
	found == {{
		"msg": "service app uses the CDI device notnvidia.com/gpu=0 of an unknown vendor",
		"service": "app",
		"path": ["services", "app", "devices", 0],
	}}
}

test_subdomain_of_a_known_vendor_is_known if {
	found := known_accelerator_vendor.violation with input as fixture.app({"devices": [fixture.device("runtime.nvidia.com/gpu=0")]})
	found == set()
}

test_known_drivers_are_not if {
	found := known_accelerator_vendor.violation with input as fixture.app({"device_requests": [
	fixture.reservation({"driver": driver, "count": 1}) |
		some driver in ["nvidia", "nvidia.cdi", "nvidia.runtime-hook", "amd", ""]
	]})
	found == set()
}

test_unknown_driver_that_selects_nothing_is_not if {
	found := known_accelerator_vendor.violation with input as fixture.app({"device_requests": [fixture.reservation({"driver": "acme", "count": 0})]})
	found == set()
}

test_nodes_runtimes_and_kinds_are_not if {
	found := known_accelerator_vendor.violation with input as fixture.app({
		"devices": [fixture.device("/dev/tenstorrent/0")],
		"runtime": "fast-runc",
		"generic_resources": [{"kind": "NPU", "value": 1, "path": ["x"]}],
	})
	found == set()
}
