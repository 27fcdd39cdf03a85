package policyd.policies.no_credential_spec_test

import data.policyd.lib.fixture
import data.policyd.policies.no_credential_spec

test_account_is_reported if {
	found := no_credential_spec.violation with input as fixture.keys({"credential_spec": {"file": "account.json"}})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "credential_spec"],
		"service app gets the credentials of a Windows account",
	]}
}

test_service_without_one_is_allowed if {
	found := no_credential_spec.violation with input as fixture.keys({})
	found == set()
}
