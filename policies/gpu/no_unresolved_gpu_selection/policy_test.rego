package policyd.policies.no_unresolved_gpu_selection_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unresolved_gpu_selection

selector(value, path) := {"name": "NVIDIA_VISIBLE_DEVICES", "value": value, "family": "nvidia", "path": path, "steers": false}

variable := ["services", "app", "environment", "NVIDIA_VISIBLE_DEVICES"]

hook_variable := ["services", "app", "pre_start", 0, "environment", "NVIDIA_VISIBLE_DEVICES"]

# unresolved is the input of a service "app" with a hook, where the variable X has no value at `path`.
unresolved(path) := object.union(
	fixture.with_hook_of({"selectors": [selector("", variable)]}, {"selectors": [selector("", hook_variable)]}),
	{"unresolved": [{"variable": "X", "path": path}]},
)

test_selector_that_is_passed_through_without_a_value_is_reported if {
	found := no_unresolved_gpu_selection.violation with input as fixture.app({"selectors": [selector(null, variable)]})
	found == {{
		"msg": "service app passes NVIDIA_VISIBLE_DEVICES through, which has no value here",
		"service": "app",
		"path": variable,
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

test_devices_requests_and_selectors_of_an_unset_variable_are_reported if {
	every path in [
		["services", "app", "devices", 0],
		["services", "app", "gpus", 0, "count"],
		["services", "app", "deploy", "resources", "reservations", "devices", 0, "driver"],
		["services", "app", "pre_start", 0, "gpus", 0, "count"],
		variable,
		hook_variable,
	] {
		found := no_unresolved_gpu_selection.violation with input as unresolved(path)
		{v.path | some v in found} == {path}
	}
}

test_other_places_are_not_reported if {
	every path in [
		[],
		["name"],
		["services", "app", "image"],
		["services", "app", "environment", "CUDA_VISIBLE_DEVICES"],
		["services", "app", "deploy", "resources", "limits", "memory"],
		["services", "app", "post_start", 0, "environment", "AMD_VISIBLE_DEVICES"],
		["services", "other", "runtime"],
		["volumes", "devices", "driver_opts", "device"],
	] {
		found := no_unresolved_gpu_selection.violation with input as unresolved(path)
		found == set()
	}
}

test_blank_selector_of_an_inline_dockerfile_with_an_unset_variable_is_reported if {
	where := ["services", "app", "build", "dockerfile_inline"]
	every value, number in {"": 1, "0": 0} {
		service := fixture.service("app", {"selectors": [selector(value, where)]})
		found := no_unresolved_gpu_selection.violation with input as {
			"workloads": [service],
			"unresolved": [{"variable": "X", "path": where}],
		}
		count(found) == number
	}
}

test_selector_with_a_value_is_not_reported if {
	found := no_unresolved_gpu_selection.violation with input as fixture.app({"selectors": [selector("", variable)]})
	found == set()
}
