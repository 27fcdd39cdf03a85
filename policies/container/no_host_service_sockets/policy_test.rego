package policyd.policies.no_host_service_sockets_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_service_sockets

# reported are the sources of mounts that the policy reports, writable and read-only.
reported(sources) := {source |
	some source in sources
	mounts := [
		fixture.bind(source, "/s"),
		object.union(fixture.bind(source, "/s"), {"read_only": true, "path": ["services", "app", "volumes", 1]}),
	]
	found := no_host_service_sockets.violation with input as fixture.app({"mounts": mounts})
	{[v.path, v.msg] | some v in found} == {[mount.path, text(source)] | some mount in mounts}
}

text(source) := sprintf("service app mounts the socket of a service manager of the host: %s", [source])

test_sockets_and_their_folders_are_reported_even_if_they_are_read_only if {
	sources := {
		"/run/dbus", "/run/dbus/system_bus_socket", "/run/systemd", "/run/systemd/private", "/run/user/1000/bus",
		"/run/user/0/systemd", "/run/user/1000/systemd/private", "/run/libvirt", "/run/libvirt/libvirt-sock",
		"/var/lib/lxd", "/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd", "/var/snap/lxd/common/lxd/unix.socket",
		"/var/lib/incus", "/var/lib/incus/unix.socket", "/run/snapd.socket",
	}
	reported(sources) == sources
}

test_other_sockets_and_folders_are_not if {
	every source in [
		"/run/systemd/journal", "/run/systemd/journal/socket", "/run/systemd/resolve/stub-resolv.conf", "/run/udev",
		"/run/user/1000/pulse", "/run/user/1000/pulse/native", "/run/user/ada/bus", "/run/user/1000/bus2",
		"/run/dbus/other", "/var/lib/lxd/storage-pools", "/srv/run/dbus", "/run/avahi-daemon/socket",
	] {
		found := no_host_service_sockets.violation with input as fixture.app({"mounts": [fixture.bind(source, "/s")]})
		found == set()
	}
}

test_folder_of_an_engine_socket_is_for_another_policy if {
	mounts := [fixture.bind("/run", "/r"), fixture.bind("/run/user/1000", "/u")]
	found := no_host_service_sockets.violation with input as fixture.app({"mounts": mounts})
	found == set()
}
