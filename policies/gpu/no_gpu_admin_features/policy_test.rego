package policyd.policies.no_gpu_admin_features_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_admin_features

test_mig_configuration_is_reported if {
	found := no_gpu_admin_features.violation with input as fixture.app({"environment": {"NVIDIA_MIG_CONFIG_DEVICES": "all"}})
	found == {{
		"msg": "service app administers GPUs: NVIDIA_MIG_CONFIG_DEVICES=all",
		"service": "app",
		"path": ["services", "app", "environment", "NVIDIA_MIG_CONFIG_DEVICES"],
	}}
}

test_feature_is_reported_only_when_enabled if {
	found := no_gpu_admin_features.violation with input as fixture.app({"environment": {"NVIDIA_GDS": "enabled", "NVIDIA_MOFED": "Enabled"}})
	{v.msg | some v in found} == {"service app asks for the device nodes of NVIDIA_GDS=enabled"}
}

test_imex_volume_request_is_reported if {
	mounts := [fixture.requesting("imex/0"), fixture.requesting("0")]
	found := no_gpu_admin_features.violation with input as fixture.app({"mounts": mounts})
	{v.msg | some v in found} == {"service app requests an IMEX channel by a mount at /var/run/nvidia-container-devices/imex/0"}
}

test_pre_start_hook_is_reported if {
	found := no_gpu_admin_features.violation with input as fixture.with_hook({"environment": {"NVIDIA_MIG_CONFIG_DEVICES": "all"}})
	{v.path | some v in found} == {["services", "app", "pre_start", 0, "environment", "NVIDIA_MIG_CONFIG_DEVICES"]}
}

test_variables_of_a_build_are_reported_unless_the_service_sets_them if {
	section := fixture.build({"environment": {
		"NVIDIA_MIG_CONFIG_DEVICES": "all",
		"NVIDIA_IMEX_CHANNELS": "0",
		"NVIDIA_GDS": "enabled",
		"NVIDIA_MOFED": "enabled",
		"NVIDIA_GDRCOPY": "disabled",
	}})
	own := {"NVIDIA_IMEX_CHANNELS": "", "NVIDIA_MOFED": "disabled"}
	found := no_gpu_admin_features.violation with input as fixture.app({"build": section, "environment": own})
	{v.msg | some v in found} == {
		"service app administers GPUs: NVIDIA_MIG_CONFIG_DEVICES=all",
		"service app asks for the device nodes of NVIDIA_GDS=enabled",
	}
}

test_empty_values_and_hooks_are_not if {
	found := no_gpu_admin_features.violation with input as fixture.app({
		"environment": {"NVIDIA_MIG_CONFIG_DEVICES": "", "NVIDIA_IMEX_CHANNELS": null},
		"hooks": [fixture.hook("post_start", {"environment": {"NVIDIA_MIG_CONFIG_DEVICES": "all"}})],
	})
	found == set()
}
