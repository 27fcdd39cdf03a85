package policyd.policies.no_unconfined_profiles_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unconfined_profiles

every_setting := ["seccomp", "apparmor", "systempaths", "label"]

# options is the input of a service "app" with `security_opt`, and one constraint on `settings`.
options(settings, security_opt) := object.union(
	fixture.app({"security_opt": security_opt}),
	{"constraints": {"no-unconfined-profiles": [{"name": "c", "parameters": {"settings": settings}}]}},
)

test_disabled_profiles_are_reported_in_both_spellings if {
	every option in [
		"seccomp=unconfined", "seccomp:unconfined", "apparmor=unconfined", "systempaths=unconfined", "label=disable",
		"label:disable", "label=type:spc_t", "label:type:container_runtime_t", "label=type:unconfined_t",
	] {
		found := no_unconfined_profiles.violation with input as options(every_setting, ["no-new-privileges:true", option])
		found == {{
			"msg": sprintf("service app disables a security profile: %s", [option]),
			"service": "app",
			"path": ["services", "app", "security_opt", 1],
			"constraint": "c",
		}}
	}
}

test_only_listed_settings_are_reported if {
	disabled := ["seccomp=unconfined", "label:disable", "systempaths:unconfined"]
	found := no_unconfined_profiles.violation with input as options(["systempaths"], disabled)
	{v.path[3] | some v in found} == {2}
}

test_profiles_and_labels_are_not if {
	profiles := [
		"seccomp=profile.json",
		"label=type:svirt",
		"label=type:container_t",
		"label=level:s0:c1",
		"apparmor=docker-default",
	]
	found := no_unconfined_profiles.violation with input as options(every_setting, profiles)
	found == set()
}
