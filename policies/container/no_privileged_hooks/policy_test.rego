package policyd.policies.no_privileged_hooks_test

import data.policyd.lib.fixture
import data.policyd.policies.no_privileged_hooks

test_every_stage_is_reported if {
	every stage in ["post_start", "pre_stop", "watch"] {
		hooks := [fixture.hook(stage, {"privileged": true})]
		found := no_privileged_hooks.violation with input as fixture.app({"hooks": hooks})
		found == {{
			"msg": sprintf("service app runs its %s command privileged", [stage]),
			"service": "app",
			"path": ["services", "app", stage, 0, "privileged"],
		}}
	}
}

test_privileged_pre_start_is_reported if {
	found := no_privileged_hooks.violation with input as fixture.with_hook({"privileged": true})
	found == {{
		"msg": "the pre_start hook 0 of service app runs privileged",
		"service": "app",
		"path": ["services", "app", "pre_start", 0, "privileged"],
	}}
}

test_unprivileged_hook_is_not if {
	found := no_privileged_hooks.violation with input as fixture.with_hook({"user": "root"})
	found == set()
}
