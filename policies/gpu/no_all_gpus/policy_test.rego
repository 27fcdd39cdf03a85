package policyd.policies.no_all_gpus_test

import data.policyd.lib.fixture
import data.policyd.policies.no_all_gpus

every_gpu(text) := sprintf("service app asks for every GPU of the host: %s", [text])

test_count_of_all_is_reported_at_the_count if {
	found := no_all_gpus.violation with input as fixture.app({"device_requests": [fixture.reservation({"count": -7})]})
	found == {{
		"msg": every_gpu("count: all"),
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "count"],
	}}
}

test_id_all_is_reported if {
	found := no_all_gpus.violation with input as fixture.app({"device_requests": [fixture.reservation({"device_ids": ["0", "all"]})]})
	{v.msg | some v in found} == {every_gpu("device_ids: 0, all")}
}

test_cdi_name_of_all_is_reported if {
	found := no_all_gpus.violation with input as fixture.app({"devices": [fixture.device("nvidia.com/gpu=all")]})
	{v.msg | some v in found} == {every_gpu("devices: nvidia.com/gpu=all")}
}

test_runtime_without_a_selection_is_reported if {
	found := no_all_gpus.violation with input as fixture.app({"runtime": "nvidia"})
	{v.msg | some v in found} == {every_gpu("runtime: nvidia without NVIDIA_VISIBLE_DEVICES")}
}

test_runtime_whose_selection_is_all_is_reported if {
	found := no_all_gpus.violation with input as fixture.app({"runtime": "nvidia", "environment": {"NVIDIA_VISIBLE_DEVICES": "all"}})
	{v.msg | some v in found} == {every_gpu("runtime: nvidia, NVIDIA_VISIBLE_DEVICES=all")}
}

test_volume_request_of_all_is_reported if {
	mounts := [fixture.bind("/dev/null", "/var/run/nvidia-container-devices/all")]
	found := no_all_gpus.violation with input as fixture.app({"mounts": mounts})
	{v.msg | some v in found} == {every_gpu("/var/run/nvidia-container-devices/all")}
}

test_named_gpus_are_not if {
	found := no_all_gpus.violation with input as fixture.app({
		"device_requests": [fixture.reservation({"device_ids": ["0", "1"]}), fixture.reservation({"count": 2})],
		"runtime": "nvidia",
		"environment": {"NVIDIA_VISIBLE_DEVICES": "0"},
	})
	found == set()
}

test_nothing_is_not_all if {
	found := no_all_gpus.violation with input as fixture.app({
		"device_requests": [fixture.reservation({"count": 0}), fixture.reservation({"device_ids": ["void"]})],
		"environment": {"NVIDIA_VISIBLE_DEVICES": "none", "AMD_VISIBLE_DEVICES": null},
	})
	found == set()
}

test_unknown_runtime_is_for_another_policy if {
	found := no_all_gpus.violation with input as fixture.app({"runtime": "fast-runc"})
	found == set()
}

test_privileges_are_for_other_policies if {
	found := no_all_gpus.violation with input as fixture.app({
		"privileged": true,
		"mounts": [fixture.bind("/dev", "/dev")],
		"devices": [fixture.device("/dev")],
	})
	found == set()
}
