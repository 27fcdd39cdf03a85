package policyd.main_test

import data.policyd.lib.fixture
import data.policyd.main

test_result_is_what_policies_found_and_every_grant if {
	found := {"msg": "m", "policy": "no-privileged"}
	result := main.result with input as fixture.app({"privileged": true})
		with data.policyd.router as {"findings": {found}}
	result.findings == {found}
	{[g.service, g.method] | some g in result.grants} == {["app", "privileged"]}
}
