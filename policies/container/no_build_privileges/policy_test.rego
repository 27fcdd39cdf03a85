package policyd.policies.no_build_privileges_test

import data.policyd.lib.fixture
import data.policyd.policies.no_build_privileges

test_privileged_build_is_reported if {
	found := no_build_privileges.violation with input as fixture.app({"build": fixture.build({"privileged": true})})
	found == {{
		"msg": "service app builds its image privileged",
		"service": "app",
		"path": ["services", "app", "build", "privileged"],
	}}
}

test_entitlements_that_are_grants_are_reported_each if {
	section := fixture.build({"entitlements": ["network.host", "security.insecure", "device=nvidia.com/gpu"]})
	path := array.concat(section.path, ["entitlements"])
	grants := [
		fixture.grant({"method": "build", "text": "security.insecure", "path": array.concat(path, [1])}),
		fixture.grant({"method": "build", "text": "device=nvidia.com/gpu", "path": array.concat(path, [2])}),
		fixture.grant({"method": "build", "text": "RUN --device", "path": section.dockerfile_path}),
	]
	found := no_build_privileges.violation with input as fixture.app({"build": section, "grants": grants})
	{[v.msg, v.path[4]] | some v in found} == {
		["service app builds its image with the entitlement security.insecure", 1],
		["service app builds its image with the entitlement device=nvidia.com/gpu", 2],
	}
}

test_run_flags_are_reported if {
	section := fixture.build({"run_flags": [
		{"name": "device", "value": "nvidia.com/gpu=all"},
		{"name": "security", "value": "insecure"},
		{"name": "security", "value": "sandbox"},
		{"name": "network", "value": "host"},
	]})
	found := no_build_privileges.violation with input as fixture.app({"build": section})
	{v.msg | some v in found} == {
		"service app builds its image with RUN --device=nvidia.com/gpu=all",
		"service app builds its image with RUN --security=insecure",
	}
}

test_plain_build_and_no_build_are_not if {
	plain := no_build_privileges.violation with input as fixture.app({"build": fixture.build({"network": "host"})})
	plain == set()
	none := no_build_privileges.violation with input as fixture.app({})
	none == set()
}
