package policyd.policies.no_oom_protection_test

import data.policyd.lib.fixture
import data.policyd.policies.no_oom_protection

test_both_settings_are_reported if {
	found := no_oom_protection.violation with input as fixture.app({"oom_kill_disable": true, "oom_score_adj": -1})
	{[v.service, v.path, v.msg] | some v in found} == {
		["app", ["services", "app", "oom_kill_disable"], "service app is never ended when memory is short"],
		["app", ["services", "app", "oom_score_adj"], "service app is ended after others when memory is short"],
	}
}

test_higher_score_is_allowed if {
	found := no_oom_protection.violation with input as fixture.app({"oom_score_adj": 500})
	found == set()
}
