package policyd.policies.require_read_only_root_test

import data.policyd.lib.fixture
import data.policyd.policies.require_read_only_root

test_writable_root_is_reported if {
	found := require_read_only_root.violation with input as fixture.app({})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "read_only"],
		"service app has a writable root file system",
	]}
}

test_read_only_root_is_allowed if {
	found := require_read_only_root.violation with input as fixture.app({"read_only": true})
	found == set()
}
