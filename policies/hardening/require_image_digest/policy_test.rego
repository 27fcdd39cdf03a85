package policyd.policies.require_image_digest_test

import data.policyd.lib.fixture
import data.policyd.policies.require_image_digest

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"require-image-digest": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_image_by_tag_is_reported if {
	given := under({"image": "nginx:1.29.3"}, {"gpu_services_only": false})
	found := require_image_digest.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "image"],
		"service app runs the image nginx:1.29.3, which has no digest",
	]}
}

test_image_by_digest_is_allowed if {
	given := under({"image": "nginx:1.29.3@sha256:0a"}, {"gpu_services_only": false})
	found := require_image_digest.violation with input as given
	found == set()
}

test_only_gpu_services_are_reported_on_request if {
	given := under({"image": "nginx:1.29.3"}, {"gpu_services_only": true})
	found := require_image_digest.violation with input as given
	found == set()
}
