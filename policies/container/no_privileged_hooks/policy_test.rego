package policyd.policies.no_privileged_hooks_test

import data.policyd.lib.fixture
import data.policyd.policies.no_privileged_hooks

test_every_stage_is_reported if {
	every stage in ["pre_start", "post_start", "pre_stop", "watch"] {
		found := no_privileged_hooks.violation with input as fixture.app({"hooks": [fixture.hook(stage, {"privileged": true})]})
		found == {{
			"msg": sprintf("service app runs its %s hook privileged", [stage]),
			"service": "app",
			"path": ["services", "app", stage, 0, "privileged"],
		}}
	}
}

test_unprivileged_hook_is_not if {
	found := no_privileged_hooks.violation with input as fixture.app({"hooks": [fixture.hook("pre_start", {"user": "root"})]})
	found == set()
}
