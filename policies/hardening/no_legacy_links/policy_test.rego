package policyd.policies.no_legacy_links_test

import data.policyd.lib.fixture
import data.policyd.policies.no_legacy_links

test_links_are_reported if {
	found := no_legacy_links.violation with input as fixture.keys({"links": ["db:database"], "external_links": ["old"]})
	{[v.service, v.path, v.msg] | some v in found} == {
		["app", ["services", "app", "links", 0], "service app has the legacy link db:database"],
		["app", ["services", "app", "external_links", 0], "service app has the legacy link old"],
	}
}

test_service_without_links_is_allowed if {
	found := no_legacy_links.violation with input as fixture.keys({})
	found == set()
}
