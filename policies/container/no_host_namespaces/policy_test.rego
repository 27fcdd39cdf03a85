package policyd.policies.no_host_namespaces_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_namespaces

test_every_namespace_of_the_host_is_reported if {
	every key in ["pid", "ipc", "userns_mode", "uts", "network_mode", "cgroup"] {
		found := no_host_namespaces.violation with input as fixture.app({key: "host"})
		found == {{
			"msg": sprintf("service app shares a namespace with the host: %s: host", [key]),
			"service": "app",
			"path": ["services", "app", key],
		}}
	}
}

test_other_modes_are_not if {
	found := no_host_namespaces.violation with input as fixture.app({"pid": "service:db", "ipc": "shareable", "network_mode": "bridge", "cgroup": "private"})
	found == set()
}
