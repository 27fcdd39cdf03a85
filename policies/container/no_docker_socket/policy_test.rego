package policyd.policies.no_docker_socket_test

import data.policyd.lib.fixture
import data.policyd.policies.no_docker_socket

test_engine_socket_is_reported_where_it_is_mounted if {
	path := ["services", "app", "volumes", 0]
	grant := {"method": "api-socket", "path": path, "text": "/run"}
	found := no_docker_socket.violation with input as fixture.granted(grant)
	found == {{"msg": "service app has access to the API of the container engine: /run", "service": "app", "path": path}}
}

test_other_methods_are_not_reported if {
	every method in ["mount", "privileged"] {
		found := no_docker_socket.violation with input as fixture.granted({"method": method})
		found == set()
	}
}
