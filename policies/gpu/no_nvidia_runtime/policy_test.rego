package policyd.policies.no_nvidia_runtime_test

import data.policyd.lib.fixture
import data.policyd.policies.no_nvidia_runtime

test_any_name_with_nvidia_is_reported if {
	every runtime in ["nvidia", " NVIDIA ", "nvidia-cdi", "io.containerd.nvidia.v1"] {
		found := no_nvidia_runtime.violation with input as fixture.app({"runtime": runtime})
		found == {{
			"msg": sprintf("service app runs under the NVIDIA runtime %s", [runtime]),
			"service": "app",
			"path": ["services", "app", "runtime"],
		}}
	}
}

test_void_selection_changes_nothing if {
	found := no_nvidia_runtime.violation with input as fixture.app({"runtime": "nvidia", "environment": {"NVIDIA_VISIBLE_DEVICES": "void"}})
	count(found) == 1
}

test_other_runtimes_are_not if {
	every runtime in ["", "runc", "runsc", "habana", "fast-runc"] {
		found := no_nvidia_runtime.violation with input as fixture.app({"runtime": runtime})
		found == set()
	}
}
