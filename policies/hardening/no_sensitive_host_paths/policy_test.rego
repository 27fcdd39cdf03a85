package policyd.policies.no_sensitive_host_paths_test

import data.policyd.lib.fixture
import data.policyd.policies.no_sensitive_host_paths

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-sensitive-host-paths": [{
	"name": "c",
	"parameters": parameters,
}]}})

parameters := {
	"trees": ["/etc"],
	"folders": ["/var"],
	"allowed": ["/etc/localtime"],
	"credential_names": [".ssh"],
}

mounting(sources) := under({"mounts": [fixture.bind(source, "/x") | some source in sources]}, parameters)

test_path_and_what_is_below_it_are_reported if {
	given := mounting(["/etc", "/etc/shadow", "/etcetera", "/etc/localtime", "/var", "/var/x"])
	found := no_sensitive_host_paths.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {
		["app", ["services", "app", "volumes", 0], "service app mounts the sensitive path /etc of the host"],
		[
			"app",
			["services", "app", "volumes", 0],
			"service app mounts the sensitive path /etc/shadow of the host",
		],
		["app", ["services", "app", "volumes", 0], "service app mounts the sensitive path /var of the host"],
	}
}

test_credentials_are_reported_in_every_home if {
	found := no_sensitive_host_paths.violation with input as mounting(["/home/ada/.ssh", "/srv/x.ssh"])
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "volumes", 0],
		"service app mounts the sensitive path /home/ada/.ssh of the host",
	]}
}

test_mount_that_another_policy_reports_is_left_out if {
	given := under({"mounts": [fixture.reaching("system", "/etc", "/etc")]}, parameters)
	found := no_sensitive_host_paths.violation with input as given
	found == set()
}
