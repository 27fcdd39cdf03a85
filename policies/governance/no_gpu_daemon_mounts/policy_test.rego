package policyd.policies.no_gpu_daemon_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_gpu_daemon_mounts

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-gpu-daemon-mounts": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_pipe_and_what_is_below_are_reported if {
	given := under(
		{"mounts": [fixture.bind("/tmp/nvidia-mps/control", "/x"), fixture.bind("/tmp/nvidia-mpsx", "/y")]},
		{"paths": ["/tmp/nvidia-mps"]},
	)
	found := no_gpu_daemon_mounts.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "volumes", 0],
		"service app mounts /tmp/nvidia-mps/control, which GPU services of the host share",
	]}
}

test_other_mounts_are_allowed if {
	given := under({"mounts": [fixture.bind("/srv", "/x")]}, {"paths": ["/tmp/nvidia-mps"]})
	found := no_gpu_daemon_mounts.violation with input as given
	found == set()
}

test_folder_above_is_reported if {
	given := under(
		{"mounts": [fixture.bind("/tmp", "/x"), fixture.bind("/tm", "/y")]},
		{"paths": ["/tmp/nvidia-mps"]},
	)
	found := no_gpu_daemon_mounts.violation with input as given
	{v.path | some v in found} == {["services", "app", "volumes", 0]}
}
