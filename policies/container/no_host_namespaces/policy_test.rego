package policyd.policies.no_host_namespaces_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_namespaces

every_namespace := ["pid", "ipc", "userns_mode", "uts", "network_mode", "cgroup"]

# set_to is the input of a service "app" with `fields`, and one constraint on `namespaces`.
set_to(namespaces, fields) := object.union(
	fixture.app(fields),
	{"constraints": {"no-host-namespaces": [{"name": "c", "parameters": {"namespaces": namespaces}}]}},
)

test_every_namespace_of_the_host_is_reported if {
	every key in every_namespace {
		found := no_host_namespaces.violation with input as set_to(every_namespace, {key: "host"})
		found == {{
			"msg": sprintf("service app shares a namespace with the host: %s: host", [key]),
			"service": "app",
			"path": ["services", "app", key],
			"constraint": "c",
		}}
	}
}

test_only_listed_namespaces_are_reported if {
	found := no_host_namespaces.violation with input as set_to(["pid"], {"pid": "host", "ipc": "host"})
	{v.path[2] | some v in found} == {"pid"}
}

test_other_modes_are_not if {
	modes := {"pid": "service:db", "ipc": "shareable", "network_mode": "bridge", "cgroup": "private"}
	found := no_host_namespaces.violation with input as set_to(every_namespace, modes)
	found == set()
}
