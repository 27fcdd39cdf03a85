package policyd.policies.no_gpu_via_annotations_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_via_annotations

test_cdi_annotation_is_reported if {
	found := no_gpu_via_annotations.violation with input as fixture.app({"annotations": {"cdi.k8s.io/x": "nvidia.com/gpu=0"}})
	found == {{
		"msg": "service app requests devices by the annotation cdi.k8s.io/x: nvidia.com/gpu=0",
		"service": "app",
		"path": ["services", "app", "annotations", "cdi.k8s.io/x"],
	}}
}

test_annotation_of_the_gpu_operator_is_reported if {
	found := no_gpu_via_annotations.violation with input as fixture.app({"annotations": {"nvidia.cdi.k8s.io/x": "a.b/c=0"}})
	{v.path[3] | some v in found} == {"nvidia.cdi.k8s.io/x"}
}

test_labels_and_other_prefixes_are_not if {
	found := no_gpu_via_annotations.violation with input as fixture.app({
		"annotations": {"xcdi.k8s.io/x": "nvidia.com/gpu=0", "cdi.k8s.io.example/x": "nvidia.com/gpu=0"},
		"labels": {"cdi.k8s.io/x": "nvidia.com/gpu=0"},
	})
	found == set()
}
