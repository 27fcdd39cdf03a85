package policyd.main_test

import data.policyd.lib.fixture
import data.policyd.main

test_result_is_what_the_policies_report if {
	found := {"msg": "m", "policy": "no-privileged"}
	result := main.result with input as fixture.app({"privileged": true})
		with data.policyd.router as {"findings": {found}}
	result == {"findings": {found}}
}
