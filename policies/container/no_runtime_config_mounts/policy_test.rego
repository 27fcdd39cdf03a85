package policyd.policies.no_runtime_config_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_runtime_config_mounts

test_writable_configuration_is_reported if {
	every source in ["/etc/cdi", "/run/cdi/x.yaml", "/etc/docker", "/var/lib/docker/volumes", "/etc/nvidia-container-runtime/config.toml"] {
		found := no_runtime_config_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/c")]})
		found == {{
			"msg": sprintf("service app mounts %s of the host writable", [source]),
			"service": "app",
			"path": ["services", "app", "volumes", 0],
		}}
	}
}

test_read_only_and_similar_names_are_not if {
	read_only := object.union(fixture.bind("/etc/docker", "/c"), {"read_only": true})
	found := no_runtime_config_mounts.violation with input as fixture.app({"mounts": [read_only, fixture.bind("/etc/docker-compose", "/c")]})
	found == set()
}
