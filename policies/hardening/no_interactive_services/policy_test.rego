package policyd.policies.no_interactive_services_test

import data.policyd.lib.fixture
import data.policyd.policies.no_interactive_services

test_terminal_is_reported if {
	found := no_interactive_services.violation with input as fixture.app({"tty": true})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "tty"],
		"service app has a terminal",
	]}
}

test_no_terminal_is_allowed if {
	found := no_interactive_services.violation with input as fixture.app({})
	found == set()
}

test_open_input_is_reported if {
	found := no_interactive_services.violation with input as fixture.keys({"stdin_open": true})
	{[v.path, v.msg] | some v in found} == {[
		["services", "app", "stdin_open"],
		"service app keeps its standard input open",
	]}
}
