package policyd.policies.no_gpu_via_environment_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_via_environment

test_selection_without_a_runtime_is_reported_at_the_variable if {
	found := no_gpu_via_environment.violation with input as fixture.app({"environment": {"NVIDIA_VISIBLE_DEVICES": "0, 1"}})
	found == {{
		"msg": "service app selects GPUs by its environment: NVIDIA_VISIBLE_DEVICES=0, 1",
		"service": "app",
		"path": ["services", "app", "environment", "NVIDIA_VISIBLE_DEVICES"],
	}}
}

test_swarm_resource_variable_is_reported_even_with_the_runtime if {
	env := {"NVIDIA_VISIBLE_DEVICES": "0", "DOCKER_RESOURCE_GPU": "1"}
	found := no_gpu_via_environment.violation with input as fixture.app({"runtime": "nvidia", "environment": env})
	{v.path | some v in found} == {["services", "app", "environment", "DOCKER_RESOURCE_GPU"]}
}

test_inline_dockerfile_is_reported_unless_the_service_overrides_it if {
	section := fixture.build({"environment": {"NVIDIA_VISIBLE_DEVICES": "all"}})
	open := no_gpu_via_environment.violation with input as fixture.app({"build": section})
	{v.path | some v in open} == {["services", "app", "build", "dockerfile_inline"]}
	closed := no_gpu_via_environment.violation with input as fixture.app({"build": section, "environment": {"NVIDIA_VISIBLE_DEVICES": "void"}})
	closed == set()
}

test_pre_start_hook_is_reported_and_other_hooks_are_not if {
	env := {"environment": {"NVIDIA_VISIBLE_DEVICES": "0"}}
	service := {"runtime": "nvidia", "hooks": [fixture.hook("post_start", env)]}
	found := no_gpu_via_environment.violation with input as fixture.with_hook_of(service, env)
	{v.path | some v in found} == {["services", "app", "pre_start", 0, "environment", "NVIDIA_VISIBLE_DEVICES"]}
}

test_legacy_image_is_reported if {
	found := no_gpu_via_environment.violation with input as fixture.app({"environment": {"CUDA_VERSION": "12.4"}})
	{v.msg | some v in found} == {"service app selects GPUs by its environment: CUDA_VERSION=12.4 without NVIDIA_REQUIRE_CUDA"}
}

test_cuda_version_beside_a_reservation_is_not if {
	found := no_gpu_via_environment.violation with input as fixture.app({
		"environment": {"CUDA_VERSION": "12.4"},
		"device_requests": [fixture.reservation({"count": 0})],
	})
	found == set()
}

test_variable_that_steers_the_runtime_is_not if {
	found := no_gpu_via_environment.violation with input as fixture.app({"runtime": "nvidia", "environment": {"NVIDIA_VISIBLE_DEVICES": "0"}})
	found == set()
}

test_values_that_select_nothing_and_other_names_are_not if {
	found := no_gpu_via_environment.violation with input as fixture.app({"environment": {
		"NVIDIA_VISIBLE_DEVICES": "0,void",
		"AMD_VISIBLE_DEVICES": "",
		"HABANA_VISIBLE_DEVICES": null,
		"CUDA_VISIBLE_DEVICES": "0",
		"MY_NVIDIA_VISIBLE_DEVICES": "all",
		"DOCKER_RESOURCE_SSD": "1",
	}})
	found == set()
}
