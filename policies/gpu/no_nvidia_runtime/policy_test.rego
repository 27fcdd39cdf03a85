package policyd.policies.no_nvidia_runtime_test

import data.policyd.lib.fixture
import data.policyd.policies.no_nvidia_runtime

test_nvidia_runtime_is_reported_by_its_name_in_the_project if {
	found := no_nvidia_runtime.violation with input as fixture.app({"runtime": "gpu", "runtime_class": "nvidia"})
	found == {{
		"msg": "service app runs under the NVIDIA runtime gpu",
		"service": "app",
		"path": ["services", "app", "runtime"],
	}}
}

test_other_runtimes_are_not_reported if {
	every class in ["", "vetted", "habana", "unknown"] {
		found := no_nvidia_runtime.violation with input as fixture.app({"runtime": "x", "runtime_class": class})
		found == set()
	}
}
