package policyd.policies.no_stale_images_test

import data.policyd.lib.fixture
import data.policyd.policies.no_stale_images

test_never_is_reported if {
	found := no_stale_images.violation with input as fixture.app({"pull_policy": "never"})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "pull_policy"],
		"service app never pulls its image",
	]}
}

test_image_that_is_built_is_allowed if {
	given := fixture.app({"pull_policy": "never", "build": fixture.build({})})
	found := no_stale_images.violation with input as given
	found == set()
}
