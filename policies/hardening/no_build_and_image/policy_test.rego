package policyd.policies.no_build_and_image_test

import data.policyd.lib.fixture
import data.policyd.policies.no_build_and_image

test_both_are_reported if {
	found := no_build_and_image.violation with input as fixture.app({"build": fixture.build({})})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "image"],
		"service app has an image that is built or pulled, depending on the host",
	]}
}

test_one_of_them_and_a_policy_are_allowed if {
	given := {"workloads": [
		fixture.service("a", {}),
		fixture.service("b", {"image": "", "build": fixture.build({})}),
		fixture.service("c", {"pull_policy": "build", "build": fixture.build({})}),
	]}
	found := no_build_and_image.violation with input as given
	found == set()
}
