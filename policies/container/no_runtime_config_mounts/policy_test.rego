package policyd.policies.no_runtime_config_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_runtime_config_mounts

test_writable_configuration_is_reported if {
	every source in [
		"/etc/cdi", "/run/cdi/x.yaml", "/etc/docker", "/var/lib/docker/volumes", "/etc/kubernetes/manifests",
		"/etc/nvidia-container-runtime/config.toml", "/var/lib/kubelet", "/usr/local/nvidia/toolkit", "/etc/crio",
	] {
		found := no_runtime_config_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/c")]})
		found == {{
			"msg": sprintf("service app mounts %s of the host writable", [source]),
			"service": "app",
			"path": ["services", "app", "volumes", 0],
		}}
	}
}

test_folders_above_configuration_are_reported if {
	every source in [
		"/etc", "/var", "/var/lib", "/usr", "/usr/share", "/usr/share/containers", "/usr/share/containers/oci",
		"/usr/local", "/usr/local/nvidia",
	] {
		found := no_runtime_config_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/c")]})
		{v.msg | some v in found} == {sprintf("service app mounts %s of the host writable", [source])}
	}
}

test_read_only_and_siblings_are_not if {
	every source in ["/etc/docker", "/etc", "/var/lib"] {
		mount := object.union(fixture.bind(source, "/c"), {"read_only": true})
		found := no_runtime_config_mounts.violation with input as fixture.app({"mounts": [mount]})
		found == set()
	}
	every source in ["/etc/docker-compose", "/etc/localtime", "/var/lib/x", "/var/log", "/usr/share/zoneinfo", "/srv"] {
		found := no_runtime_config_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/c")]})
		found == set()
	}
}

test_root_and_run_have_classes_of_their_own if {
	mounts := [fixture.bind("/", "/a"), fixture.bind("/run", "/b")]
	found := no_runtime_config_mounts.violation with input as fixture.app({"mounts": mounts})
	found == set()
}
