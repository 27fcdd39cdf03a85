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

test_annotations_that_set_up_a_runtime_are_reported if {
	every key in ["io.katacontainers.config.hypervisor.path", "dev.gvisor.flag.nvproxy", "run.oci.hooks.stdout"] {
		found := no_unvetted_runtime.violation with input as fixture.app({"annotations": {key: "x"}})
		found == {{
			"msg": sprintf("service app sets up its runtime by the annotation %s: x", [key]),
			"service": "app",
			"path": ["services", "app", "annotations", key],
		}}
	}
}

test_sizes_and_other_annotations_are_not if {
	found := no_unvetted_runtime.violation with input as fixture.app({"annotations": {
		"io.katacontainers.config.hypervisor.default_vcpus": "2",
		"run.oci.keep_original_groups": "1",
		"com.example.team": "x",
	}})
	found == set()
}
