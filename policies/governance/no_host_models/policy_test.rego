package policyd.policies.no_host_models_test

import data.policyd.policies.no_host_models

test_each_model_is_reported if {
	found := no_host_models.violation with input as {"project": {"models": {"llm": {"model": "ai/smollm2"}}}}
	{[v.service, v.path, v.msg] | some v in found} == {[
		"",
		["models", "llm"],
		"the project has the model llm, which the host runs",
	]}
}

test_project_without_models_is_allowed if {
	found := no_host_models.violation with input as {"project": {}}
	found == set()
}
