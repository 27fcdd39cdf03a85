package policyd.policies.no_unconfined_profiles_test

import data.policyd.lib.fixture
import data.policyd.policies.no_unconfined_profiles

test_profiles_that_are_off_are_reported_in_both_spellings if {
	every option in ["seccomp=unconfined", "seccomp:unconfined", "apparmor=unconfined", "systempaths=unconfined", "label=disable", "label:disable"] {
		found := no_unconfined_profiles.violation with input as fixture.app({"security_opt": ["no-new-privileges:true", option]})
		found == {{
			"msg": sprintf("service app switches a security profile off: %s", [option]),
			"service": "app",
			"path": ["services", "app", "security_opt", 1],
		}}
	}
}

test_profiles_and_labels_are_not if {
	found := no_unconfined_profiles.violation with input as fixture.app({"security_opt": ["seccomp=profile.json", "label=type:svirt", "apparmor=docker-default"]})
	found == set()
}
