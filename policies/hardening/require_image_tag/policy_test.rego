package policyd.policies.require_image_tag_test

import data.policyd.lib.fixture
import data.policyd.policies.require_image_tag

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"require-image-tag": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_missing_and_moving_tags_are_reported if {
	found := require_image_tag.violation with input as {
		"constraints": {"require-image-tag": [{"name": "c", "parameters": {"moving_tags": ["edge"]}}]},
		"workloads": [
			fixture.service("a", {"image": "nginx"}),
			fixture.service("b", {"image": "registry.example:5000/team/app"}),
			fixture.service("c", {"image": "nginx:Latest"}),
			fixture.service("d", {"image": "nginx:edge"}),
			fixture.service("e", {"image": "nginx:1.29"}),
			fixture.service("f", {"image": "nginx@sha256:0a"}),
		],
	}
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "a", "image"], "service a runs the image nginx, which has no fixed version"],
		[
			"b",
			["services", "b", "image"],
			"service b runs the image registry.example:5000/team/app, which has no fixed version",
		],
		["c", ["services", "c", "image"], "service c runs the image nginx:Latest, which has no fixed version"],
		["d", ["services", "d", "image"], "service d runs the image nginx:edge, which has no fixed version"],
	}
}

test_name_of_an_image_that_is_built_is_not_reported if {
	given := under({"image": "app", "build": fixture.build({})}, {"moving_tags": []})
	found := require_image_tag.violation with input as given
	found == set()
}

test_hook_with_the_image_of_its_service_is_reported_at_its_image if {
	found := require_image_tag.violation with input as {
		"constraints": {"require-image-tag": [{"name": "c", "parameters": {"moving_tags": []}}]},
		"workloads": [fixture.pre_start({"image": "busybox"})],
	}
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "pre_start", 0, "image"],
		"hook 0 of service app runs the image busybox, which has no fixed version",
	]}
}
