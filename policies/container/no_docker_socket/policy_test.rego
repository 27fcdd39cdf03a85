package policyd.policies.no_docker_socket_test

import data.policyd.lib.fixture
import data.policyd.policies.no_docker_socket

test_sockets_pipes_and_their_directories_are_reported if {
	every source in [
		"/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman", "/run", "/run/user/1000/docker",
		"/home/ada/.docker/run/docker.sock", `\\.\pipe\docker_engine`,
	] {
		found := no_docker_socket.violation with input as fixture.app({"mounts": [fixture.bind(source, "/s")]})
		found == {{
			"msg": sprintf("service app has access to the API of the container engine: %s", [source]),
			"service": "app",
			"path": ["services", "app", "volumes", 0],
		}}
	}
}

test_read_only_changes_nothing if {
	mount := object.union(fixture.bind("/run/docker.sock", "/s"), {"read_only": true})
	found := no_docker_socket.violation with input as fixture.app({"mounts": [mount]})
	count(found) == 1
}

test_api_socket_is_reported if {
	found := no_docker_socket.violation with input as fixture.app({"use_api_socket": true})
	{v.path | some v in found} == {["services", "app", "use_api_socket"]}
}

test_project_file_and_other_sockets_are_not if {
	every source in ["/project/docker.sock", "/run/postgresql", "/run/user/ada", "/srv/docker.sock.d", "/pipe/other"] {
		found := no_docker_socket.violation with input as fixture.app({"mounts": [fixture.bind(source, "/run/docker.sock")]})
		found == set()
	}
}
