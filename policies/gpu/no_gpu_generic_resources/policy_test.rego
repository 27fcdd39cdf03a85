package policyd.policies.no_gpu_generic_resources_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_generic_resources

resource(kind, value) := {"generic_resources": [{"kind": kind, "value": value, "path": ["services", "app", "x"]}]}

test_kinds_of_accelerators_are_reported if {
	every kind in ["gpu", "NVIDIA-GPU", "tpu", "my_npu", "Gaudi"] {
		found := no_gpu_generic_resources.violation with input as fixture.app(resource(kind, 2))
		found == {{
			"msg": sprintf("service app reserves accelerators as the generic resource %s: 2", [kind]),
			"service": "app",
			"path": ["services", "app", "x"],
		}}
	}
}

test_zero_and_other_kinds_are_not if {
	none := no_gpu_generic_resources.violation with input as fixture.app(resource("gpu", 0))
	none == set()
	ssd := no_gpu_generic_resources.violation with input as fixture.app(resource("SSD-gpus", 1))
	ssd == set()
}
