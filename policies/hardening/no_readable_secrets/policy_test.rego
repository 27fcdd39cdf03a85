package policyd.policies.no_readable_secrets_test

import data.policyd.lib.fixture
import data.policyd.policies.no_readable_secrets

test_modes_for_others_are_reported if {
	secrets := [{"source": "a", "mode": "0444"}, {"source": "b", "mode": "0440"}]
	found := no_readable_secrets.violation with input as fixture.keys({"secrets": secrets})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "secrets", 0, "mode"],
		"service app gets the secret a with the mode 0444, which lets all users read it",
	]}
}

test_secret_without_mode_is_allowed if {
	found := no_readable_secrets.violation with input as fixture.keys({"secrets": [{"source": "a"}]})
	found == set()
}
