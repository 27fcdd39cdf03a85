package policyd.lib.mounts_test

import data.policyd.lib.fixture
import data.policyd.lib.mounts

test_mounts_that_reach_the_host_are_listed_with_their_class if {
	dev := fixture.reaching("dev", "/dev", "/d")
	found := mounts.by_workload with input as fixture.app({"mounts": [fixture.bind("/srv", "/s"), dev]})
	found == {"app": [{"class": "dev", "mount": dev}]}
}

test_content_of_a_volume_request_is_returned if {
	mounts.requested(fixture.requesting("imex/0")) == "imex/0"
	mounts.requested(fixture.bind("/dev/null", "/x")) == ""
}
