package policyd.policies.no_engine_over_tcp_test

import data.policyd.lib.fixture
import data.policyd.policies.no_engine_over_tcp

test_address_without_tls_is_reported if {
	given := fixture.app({"environment": {"DOCKER_HOST": "tcp://engine:2375"}})
	found := no_engine_over_tcp.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "environment", "DOCKER_HOST"],
		"service app controls a container engine over the network without TLS",
	]}
}

test_tls_and_other_addresses_are_allowed if {
	found := no_engine_over_tcp.violation with input as {"workloads": [
		fixture.service("a", {"environment": {"DOCKER_HOST": "tcp://engine:2376", "DOCKER_TLS_VERIFY": "1"}}),
		fixture.service("b", {"environment": {"DOCKER_HOST": "unix:///run/x.sock"}}),
		fixture.service("c", {"environment": {"DOCKER_HOST": null}}),
	]}
	found == set()
}

test_service_of_the_project_is_for_other_policies if {
	found := no_engine_over_tcp.violation with input as {"workloads": [
		fixture.service("a", {"environment": {"DOCKER_HOST": "tcp://proxy:2375"}}),
		fixture.service("proxy", {}),
	]}
	found == set()
}
