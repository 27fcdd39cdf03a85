package policyd.policies.known_accelerator_vendor_test

import data.policyd.lib.fixture
import data.policyd.policies.known_accelerator_vendor

requested(driver) := {
	"device_requests": [fixture.reservation({"driver": driver, "device_ids": ["0"]})],
	"grants": [fixture.grant({})],
}

test_unknown_driver_is_reported_at_the_driver if {
	found := known_accelerator_vendor.violation with input as fixture.app(requested("NVIDIA"))
	found == {{
		"msg": "service app uses the driver NVIDIA, which is not a known driver",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "driver"],
	}}
}

test_cdi_names_of_an_unknown_vendor_are_reported_by_whatever_method if {
	every fields in [
		{"method": "cdi", "form": "devices"},
		{"method": "cdi", "form": "annotations", "devices": "all"},
		{"method": "mount", "form": "volume-request"},
		{"method": "build", "form": "devices"},
	] {
		grant := object.union(fields, {"vendor": "unknown", "path": ["x"], "text": "devices: notnvidia.com/gpu=0"})
		found := known_accelerator_vendor.violation with input as fixture.granted(grant)
		found == {{
			"msg": "service app uses CDI devices of an unknown vendor: devices: notnvidia.com/gpu=0",
			"service": "app",
			"path": ["x"],
		}}
	}
}

test_known_drivers_are_not_reported if {
	every driver in ["nvidia", "nvidia.cdi", "nvidia.runtime-hook", "amd", ""] {
		found := known_accelerator_vendor.violation with input as fixture.app(requested(driver))
		found == set()
	}
}

test_unknown_driver_that_selects_nothing_is_not_reported if {
	requests := [fixture.reservation({"driver": "acme"})]
	found := known_accelerator_vendor.violation with input as fixture.app({"device_requests": requests})
	found == set()
}

test_other_methods_and_known_vendors_are_not_reported if {
	every fields in [
		{"method": "device-node", "vendor": "unknown"},
		{"method": "runtime", "vendor": "unknown"},
		{"method": "build", "vendor": "unknown", "devices": "all"},
		{"method": "mount", "vendor": "unknown", "form": "devices"},
		{"method": "cdi", "vendor": "amd"},
	] {
		found := known_accelerator_vendor.violation with input as fixture.granted(fields)
		found == set()
	}
}
