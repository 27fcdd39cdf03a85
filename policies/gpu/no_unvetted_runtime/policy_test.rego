package policyd.policies.no_unvetted_runtime_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unvetted_runtime

test_unknown_runtimes_and_those_of_other_families_are_reported if {
	every class in ["habana", "amd", "unknown"] {
		found := no_unvetted_runtime.violation with input as fixture.app({"runtime": "fast", "runtime_class": class})
		found == {{
			"msg": "service app runs under the runtime fast, which is not vetted",
			"service": "app",
			"path": ["services", "app", "runtime"],
		}}
	}
}

test_vetted_and_nvidia_runtimes_are_not_reported if {
	every class in ["", "vetted", "nvidia"] {
		found := no_unvetted_runtime.violation with input as fixture.app({"runtime": "x", "runtime_class": class})
		found == set()
	}
}
