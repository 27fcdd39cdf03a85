package policyd.policies.no_gpu_via_environment_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_via_environment

test_selection_by_a_variable_is_reported_whatever_its_certainty if {
	every certainty in ["certain", "default-runtime"] {
		found := no_gpu_via_environment.violation with input as fixture.granted({
			"method": "environment",
			"certainty": certainty,
			"path": ["services", "app", "environment", "NVIDIA_VISIBLE_DEVICES"],
			"text": "NVIDIA_VISIBLE_DEVICES=0, 1",
		})
		found == {{
			"msg": "service app selects GPUs by an environment variable: NVIDIA_VISIBLE_DEVICES=0, 1",
			"service": "app",
			"path": ["services", "app", "environment", "NVIDIA_VISIBLE_DEVICES"],
		}}
	}
}

test_image_is_reported_only_where_it_is_certain if {
	image := {"method": "image", "devices": "all", "path": ["services", "app", "image"], "text": "image: nvidia/cuda"}
	found := no_gpu_via_environment.violation with input as fixture.granted(image)
	found == {{
		"msg": "the image of service app selects GPUs, and the default runtime of the host gives them: image: nvidia/cuda",
		"service": "app",
		"path": ["services", "app", "image"],
	}}
	open := no_gpu_via_environment.violation with input as fixture.granted(object.union(image, {"certainty": "default-runtime"}))
	open == set()
}

test_other_methods_are_not_reported if {
	found := no_gpu_via_environment.violation with input as fixture.granted({"method": "runtime", "family": "nvidia"})
	found == set()
}
