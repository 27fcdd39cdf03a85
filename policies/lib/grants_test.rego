package policyd.lib.grants_test

import data.policyd.lib.fixture
import data.policyd.lib.grants

# granted is what the grants of service "app" say, without service, replicas and path.
granted(found) := {[grant.method, grant.vendor, grant.devices] | some grant in found}

test_each_entry_of_a_reservation_is_a_grant if {
	found := grants.all with input as fixture.app({"replicas": 2, "device_requests": [
		fixture.reservation({"device_ids": ["1,0", "1"]}),
		fixture.reservation({"count": 2, "path": ["x"]}),
		fixture.reservation({"count": 0}),
	]})
	entry := ["services", "app", "deploy", "resources", "reservations", "devices", 0]
	found == {
		{
			"service": "app",
			"vendor": "nvidia",
			"method": "reservation",
			"devices": ["0", "1"],
			"replicas": 2,
			"path": array.concat(entry, ["device_ids"]),
		},
		{
			"service": "app",
			"vendor": "nvidia",
			"method": "reservation",
			"devices": {"count": 2},
			"replicas": 2,
			"path": ["x", "count"],
		},
	}
}

test_vendor_of_a_request_is_that_of_its_driver_or_its_capabilities if {
	every expected in [
		["nvidia.cdi", [], "nvidia"],
		["amd", ["gpu"], "amd"],
		["acme", ["nvidia"], "unknown"],
		["", ["gpu"], "unknown"],
		["", ["gpu", "compute", "amd"], "nvidia"],
		["", ["amd"], "amd"],
	] {
		fields := {"driver": expected[0], "capabilities": expected[1], "count": 1}
		found := grants.all with input as fixture.app({"device_requests": [fixture.reservation(fields)]})
		granted(found) == {["reservation", expected[2], {"count": 1}]}
	}
}

test_cdi_names_add_up_by_vendor if {
	found := grants.all with input as fixture.app({
		"devices": [fixture.device("nvidia.com/gpu=1"), fixture.device("/dev/fuse")],
		"annotations": {"cdi.k8s.io/x": "nvidia.com/gpu=0, acme.example/npu=0, not a name"},
		"device_requests": [fixture.reservation({"driver": "cdi", "device_ids": ["x.amd.com/gpu=0"]})],
	})
	granted(found) == {
		["cdi", "nvidia", ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]],
		["cdi", "unknown", ["acme.example/npu=0"]],
		["cdi", "amd", ["x.amd.com/gpu=0"]],
	}
}

test_all_wins_over_ids if {
	found := grants.all with input as fixture.app({"devices": [
		fixture.device("nvidia.com/gpu=1"),
		fixture.device("nvidia.com/gpu=all"),
	]})
	granted(found) == {["cdi", "nvidia", "all"]}
}

test_runtime_is_steered_by_the_variable_of_its_vendor if {
	every expected in [
		["nvidia", {"NVIDIA_VISIBLE_DEVICES": "1,0"}, {["runtime", "nvidia", ["0", "1"]]}],
		["nvidia", {"NVIDIA_VISIBLE_DEVICES": null}, {["runtime", "nvidia", "all"]}],
		["nvidia", {"NVIDIA_VISIBLE_DEVICES": "void"}, set()],
		["habana", {"HABANA_VISIBLE_DEVICES": "3"}, {["runtime", "intel", ["3"]]}],
		["runc", {}, set()],
		["fast-runc", {}, {["runtime", "unknown", "all"]}],
		[
			"nvidia",
			{"NVIDIA_VISIBLE_DEVICES": "none", "AMD_VISIBLE_DEVICES": "2"},
			{["environment", "amd", ["2"]]},
		],
	] {
		found := grants.all with input as fixture.app({"runtime": expected[0], "environment": expected[1]})
		granted(found) == expected[2]
	}
}

test_selection_is_read_as_the_toolkit_reads_it if {
	every value, devices in {
		" 1 , 0,1": ["0", "1"],
		"all": "all",
		"ALL": ["ALL"],
		"0,all,none": "all",
		"0,none,all": [],
		"0,void": [],
		" , ": [],
		"nvidia.com/gpu=all": "all",
		"nvidia.com/gpu=1": ["nvidia.com/gpu=1"],
	} {
		found := grants.all with input as fixture.app({"environment": {"NVIDIA_VISIBLE_DEVICES": value}})
		granted(found) == {["environment", "nvidia", devices] | devices != []}
	}
}

test_variables_of_a_vendor_add_up_and_those_of_a_hook_are_its_own if {
	service := {"environment": {"NVIDIA_VISIBLE_DEVICES": "1", "DOCKER_RESOURCE_GPU": "2"}}
	found := grants.all with input as fixture.with_hook_of(service, {"environment": {"NVIDIA_VISIBLE_DEVICES": "0"}})
	granted(found) == {["environment", "nvidia", ["0"]], ["environment", "nvidia", ["1", "2"]]}
	{grant.service | some grant in found} == {"app"}
}

test_device_nodes_add_up_by_vendor_and_drm_is_amd_beside_kfd if {
	alone := grants.all with input as fixture.app({"devices": [
		fixture.device("/dev/dri"),
		fixture.device("/dev/nvidia1"),
		fixture.device("/dev/nvidia0"),
	]})
	granted(alone) == {
		["device-node", "unknown", ["/dev/dri"]],
		["device-node", "nvidia", ["/dev/nvidia0", "/dev/nvidia1"]],
	}
	beside := grants.all with input as fixture.app({"devices": [fixture.device("/dev/dri"), fixture.device("/dev/kfd")]})
	granted(beside) == {["device-node", "amd", ["/dev/dri", "/dev/kfd"]]}
}

test_windows_class_is_shown_in_lower_case if {
	found := grants.all with input as fixture.app({"devices": [fixture.device("class/5B45201D-F2F2-4F3B-85BB-30FF1F953599")]})
	granted(found) == {["device-node", "unknown", ["class/5b45201d-f2f2-4f3b-85bb-30ff1f953599"]]}
}

test_mounts_of_devices_and_volume_requests_are_one_method if {
	found := grants.all with input as fixture.app({"mounts": [
		fixture.bind("/dev/nvidia0", "/d"),
		fixture.bind("/dev/null", "/var/run/nvidia-container-devices/1"),
		fixture.bind("/dev/null", "/var/run/nvidia-container-devices/imex/0"),
		fixture.bind("/dev/null", "/var/run/nvidia-container-devices/cdi/amd.com/gpu/3"),
		fixture.bind("/dev/null", "/var/run/nvidia-container-devices/cdi/short"),
	]})
	granted(found) == {
		["mount", "nvidia", ["/dev/nvidia0", "1"]],
		["mount", "amd", ["amd.com/gpu=3"]],
	}
}

test_directories_of_devices_are_all if {
	every source, vendor in {"/": "unknown", "/dev": "unknown", "/dev/char": "unknown", "/run/nvidia/driver": "nvidia"} {
		found := grants.all with input as fixture.app({"mounts": [fixture.bind(source, "/d")]})
		granted(found) == {["mount", vendor, "all"]}
	}
}

test_cgroup_rules_are_grants_only_for_reading_or_writing if {
	every expected in [
		["c 195:* rwm", {["cgroup-rule", "nvidia", "all"]}],
		["c 0195:00 r", {["cgroup-rule", "nvidia", ["195:0"]]}],
		["c 226:128 w", {["cgroup-rule", "unknown", ["226:128"]]}],
		["c *:5 w", {["cgroup-rule", "unknown", "all"]}],
		["a *:* rwm", {["cgroup-rule", "unknown", "all"]}],
		["c 10:196 rw", {["cgroup-rule", "unknown", ["10:196"]]}],
		["c 195:* m", set()],
		["b 8:0 rwm", set()],
		["c 1:1 rw", set()],
		["c 188:* rw", set()],
		["c 195:* rwx", set()],
	] {
		rule := {"rule": expected[0], "path": ["x"]}
		found := grants.all with input as fixture.app({"device_cgroup_rules": [rule]})
		granted(found) == expected[1]
	}
}

test_privileges_and_sockets_are_everything if {
	found := grants.all with input as fixture.app({
		"privileged": true,
		"use_api_socket": true,
		"mounts": [fixture.bind("/run/docker.sock", "/s")],
	})
	granted(found) == {["privileged", "unknown", "all"], ["api-socket", "unknown", "all"]}
}

test_privileged_hook_is_a_grant_only_before_the_start if {
	before := grants.all with input as fixture.with_hook({"privileged": true})
	granted(before) == {["privileged", "unknown", "all"]}
	after := grants.all with input as fixture.app({"hooks": [fixture.hook("post_start", {"privileged": true})]})
	after == set()
}

test_builds_are_grants_by_their_privileges_and_devices if {
	every expected in [
		[{"privileged": true}, {["build", "unknown", "all"]}],
		[{"entitlements": ["network.host", "device=nvidia.com/gpu"]}, {["build", "unknown", "all"]}],
		[{"run_flags": [{"name": "security", "value": "insecure"}]}, set()],
		[{"run_flags": [{"name": "device", "value": "nvidia.com/gpu=0,required"}]}, {["build", "nvidia", ["nvidia.com/gpu=0"]]}],
		[{"run_flags": [{"name": "device", "value": "name=amd.com/gpu=*"}]}, {["build", "amd", "all"]}],
	] {
		found := grants.all with input as fixture.app({"build": fixture.build(expected[0])})
		granted(found) == expected[1]
	}
}

test_generic_resources_are_grants_each if {
	kinds := [{"kind": kind, "value": 2, "path": [kind]} | some kind in ["NVIDIA-GPU", "tpu", "npu", "SSD"]]
	found := grants.all with input as fixture.app({"generic_resources": kinds})
	granted(found) == {
		["generic-resource", "nvidia", {"count": 2}],
		["generic-resource", "google", {"count": 2}],
		["generic-resource", "unknown", {"count": 2}],
	}
}

test_service_that_asks_for_nothing_has_no_grant if {
	found := grants.all with input as fixture.app({"environment": {"A": "1"}, "mounts": [fixture.bind("/srv", "/srv")]})
	found == set()
}
