package policyd.policies.no_unvetted_runtime_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unvetted_runtime

test_runtimes_of_other_vendors_and_unknown_ones_are_reported if {
	every runtime in ["habana", "amd-container-runtime", "fast-runc", "/usr/bin/runc"] {
		found := no_unvetted_runtime.violation with input as fixture.app({"runtime": runtime})
		found == {{
			"msg": sprintf("service app runs under the runtime %s, which is not a vetted one", [runtime]),
			"service": "app",
			"path": ["services", "app", "runtime"],
		}}
	}
}

test_vetted_and_nvidia_runtimes_are_not if {
	every runtime in ["", "runc", "RUNSC", "kata-runtime", "sysbox-runc", "io.containerd.runc.v2", "nvidia"] {
		found := no_unvetted_runtime.violation with input as fixture.app({"runtime": runtime})
		found == set()
	}
}
