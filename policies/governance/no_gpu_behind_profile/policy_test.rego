package policyd.policies.no_gpu_behind_profile_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_behind_profile

test_gpu_behind_a_profile_is_reported if {
	given := fixture.app(object.union(fixture.by_ids(["0"]), {"profiles": ["train", "eval"]}))
	found := no_gpu_behind_profile.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "profiles"],
		"service app gets a GPU only with the profile train or eval",
	]}
}

test_profile_without_a_gpu_is_allowed if {
	found := no_gpu_behind_profile.violation with input as fixture.app({"profiles": ["debug"]})
	found == set()
}
