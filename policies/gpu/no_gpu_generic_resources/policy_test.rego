package policyd.policies.no_gpu_generic_resources_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_generic_resources

test_generic_resource_is_reported if {
	grant := {"method": "generic-resource", "devices": {"count": 2}, "path": ["x"], "text": "gpu: 2"}
	found := no_gpu_generic_resources.violation with input as fixture.granted(grant)
	found == {{
		"msg": "service app reserves accelerators as the generic resource gpu: 2",
		"service": "app",
		"path": ["x"],
	}}
}

test_other_methods_are_not_reported if {
	found := no_gpu_generic_resources.violation with input as fixture.granted({})
	found == set()
}
