package policyd.policies.no_unresolved_gpu_selection_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unresolved_gpu_selection

unresolved(path) := {"constraints": {}, "workloads": [], "unresolved": [{"variable": "X", "path": path}]}

test_selector_that_is_passed_through_without_a_value_is_reported if {
	found := no_unresolved_gpu_selection.violation with input as fixture.app({"environment": {"NVIDIA_VISIBLE_DEVICES": null}})
	found == {{
		"msg": "service app passes NVIDIA_VISIBLE_DEVICES through, and it has no value here",
		"service": "app",
		"path": ["services", "app", "environment", "NVIDIA_VISIBLE_DEVICES"],
	}}
}

test_runtime_of_an_unset_variable_is_reported if {
	found := no_unresolved_gpu_selection.violation with input as unresolved(["services", "app", "runtime"])
	found == {{
		"msg": "service app: the variable X of its GPU selection has no value and no default",
		"service": "app",
		"path": ["services", "app", "runtime"],
	}}
}

test_devices_and_requests_of_an_unset_variable_are_reported if {
	every path in [
		["services", "app", "devices", 0],
		["services", "app", "gpus", 0, "count"],
		["services", "app", "deploy", "resources", "reservations", "devices", 0, "driver"],
		["services", "app", "environment", "DOCKER_RESOURCE_GPU"],
		["services", "app", "pre_start", 0, "environment", "AMD_VISIBLE_DEVICES"],
	] {
		found := no_unresolved_gpu_selection.violation with input as unresolved(path)
		{v.path | some v in found} == {path}
	}
}

test_other_places_are_not if {
	every path in [
		[],
		["name"],
		["services", "app", "image"],
		["services", "app", "environment", "CUDA_VISIBLE_DEVICES"],
		["services", "app", "deploy", "resources", "limits", "memory"],
		["services", "app", "post_start", 0, "environment", "AMD_VISIBLE_DEVICES"],
		["volumes", "devices", "driver_opts", "device"],
	] {
		found := no_unresolved_gpu_selection.violation with input as unresolved(path)
		found == set()
	}
}

test_blank_selector_of_an_inline_dockerfile_with_an_unset_variable_is_reported if {
	service := fixture.service("app", {"build": fixture.build({"environment": {"NVIDIA_VISIBLE_DEVICES": ""}})})
	where := ["services", "app", "build", "dockerfile_inline"]
	found := no_unresolved_gpu_selection.violation with input as {"workloads": [service], "unresolved": [{"variable": "X", "path": where}]}
	{v.path | some v in found} == {where}
}

test_selector_with_a_value_is_not if {
	found := no_unresolved_gpu_selection.violation with input as fixture.app({"environment": {"NVIDIA_VISIBLE_DEVICES": "", "OTHER": null}})
	found == set()
}
