package policyd.policies.no_host_service_sockets_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_service_sockets

test_mount_of_this_class_is_reported if {
	mounts := [fixture.reaching("service-socket", "/run/dbus", "/target")]
	found := no_host_service_sockets.violation with input as fixture.app({"mounts": mounts})
	found == {{
		"msg": "service app mounts the socket of a service manager of the host: /run/dbus",
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_mounts_of_other_classes_are_not if {
	every class in [
		"", "pipe", "volume-request", "root", "dev",
		"disk", "engine-socket", "proc-sys", "runtime-config", "system",
	] {
		mounts := [fixture.reaching(class, "/run/dbus", "/target")]
		found := no_host_service_sockets.violation with input as fixture.app({"mounts": mounts})
		found == set()
	}
}

test_mount_of_a_hook_is_reported if {
	path := ["services", "app", "pre_start", 0, "volumes", 0]
	mount := object.union(fixture.reaching("service-socket", "/run/dbus", "/target"), {"path": path})
	found := no_host_service_sockets.violation with input as fixture.with_hook({"mounts": [mount]})
	{v.path | some v in found} == {path}
}
