package policyd.policies.no_lifecycle_hooks_test

import data.policyd.lib.fixture
import data.policyd.policies.no_lifecycle_hooks

constraints := {"no-lifecycle-hooks": [{"name": "c", "parameters": {"stages": ["pre_start", "post_start"]}}]}

test_hooks_of_the_stages_are_reported if {
	hooks := [fixture.hook("post_start", {}), fixture.hook("pre_stop", {}), fixture.hook("watch", {})]
	given := object.union(fixture.with_hook_of({"hooks": hooks}, {}), {"constraints": constraints})
	found := no_lifecycle_hooks.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["app", ["services", "app", "post_start", 0], "service app has a command at post_start"],
		["app", ["services", "app", "pre_start", 0], "service app has a container that runs at pre_start"],
	}
}

test_service_without_hooks_is_allowed if {
	found := no_lifecycle_hooks.violation with input as object.union(fixture.app({}), {"constraints": constraints})
	found == set()
}
