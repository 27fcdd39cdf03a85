package policyd.policies.gpu_driver_compatible_test

import data.policyd.lib.fixture
import data.policyd.policies.gpu_driver_compatible

hosts := {
	"old": {
		"driver_version": "470.256.02",
		"cuda_version": "11.4",
		"gpus": [
			{"index": 0, "uuid": "GPU-aa", "name": "V100", "brand": "Tesla", "compute_capability": "7.0"},
			{"index": 1, "uuid": "GPU-bb", "name": "Titan V", "brand": "titan", "compute_capability": "7.0"},
		],
	},
	"bare": {"driver_version": "470.256.02", "cuda_version": "11.4", "gpus": []},
	"mig": {
		"driver_version": "580.159.04",
		"cuda_version": "13.0",
		"gpus": [{
			"index": 0,
			"uuid": "GPU-cc",
			"name": "A100",
			"mig_devices": [{"index": 0, "uuid": "MIG-c0", "name": "1g.5gb"}],
		}],
	},
}

# on is the input of service "app" with `fields`, on `host`, under one constraint.
on(host, fields, parameters) := object.union(fixture.app(fields), {
	"review": {"source": {"host": host}},
	"constraints": {"gpu-driver-compatible": [{
		"name": "c",
		"parameters": object.union(
			{
				"minor_version_compatibility": true,
				"report_possible": true,
				"require_check": false,
				"require_inventory": false,
			},
			parameters,
		),
	}]},
})

ids(found) := fixture.by_ids(found)

amd(grant) := object.union(grant, {"vendor": "amd"})

image(name) := object.union(ids(["0"]), {"image": name})

# answered is service "app" with an answer of policyd to one question.
answered(question, outcome) := {"compatibility": [{
	"question": question,
	"outcome": outcome,
	"source": "table",
	"message": "is refused",
	"path": ["services", "app", "image"],
}]}

test_answer_is_reported_at_its_path if {
	found := gpu_driver_compatible.violation with input as on("old", answered("start", "fails"), {})
		with data.policyd.inventory.hosts as hosts
	found == {{
		"msg": "service app is refused",
		"service": "app",
		"path": ["services", "app", "image"],
		"constraint": "c",
	}}
}

# reported are the pairs of question and outcome that are reported under `parameters`.
reported(parameters) := {[question, outcome] |
	some question in ["start", "cuda", "cuda-exact", "architecture", "driver"]
	some outcome in ["ok", "fails", "may-fail", "unknown"]
	found := gpu_driver_compatible.violation with input as on("old", answered(question, outcome), parameters)
		with data.policyd.inventory.hosts as hosts
	found != set()
}

outcomes(names) := {[question, outcome] |
	some question in ["start", "cuda", "architecture", "driver"]
	some outcome in names
}

test_failures_and_possible_ones_are_reported_by_default if {
	reported({}) == outcomes(["fails", "may-fail"])
}

test_possible_failures_are_not_if_so_asked if {
	reported({"report_possible": false}) == outcomes(["fails"])
}

test_what_was_not_checked_is_reported_if_so_asked if {
	reported({"require_check": true}) == outcomes(["fails", "may-fail", "unknown"])
}

test_driver_of_the_very_version_is_required_if_so_asked if {
	found := reported({"minor_version_compatibility": false})
	["cuda-exact", "fails"] in found
	not ["cuda", "fails"] in found
}

test_gpu_that_the_host_does_not_have_is_reported_at_the_ids if {
	found := gpu_driver_compatible.violation with input as on("old", ids(["1", "2", "gpu-zz"]), {})
		with data.policyd.inventory.hosts as hosts
	found == {{
		"msg": "service app names GPU 2, gpu-zz, which the host old does not have: it has 0 (GPU-aa), 1 (GPU-bb)",
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "device_ids"],
		"constraint": "c",
	}}
}

test_every_way_to_name_a_gpu_is_looked_at if {
	every fields in [
		{"method": "cdi", "identities": ["7"]},
		{"method": "runtime", "identities": ["7"]},
		{"method": "environment", "identities": ["mig-none"]},
		{"method": "mount", "form": "volume-request", "identities": ["7"]},
		{"identities": ["0:1"]},
		{"identities": ["mig-gpu-cc/1/0"]},
	] {
		found := gpu_driver_compatible.violation with input as on("mig", {"grants": [fixture.grant(fields)]}, {})
			with data.policyd.inventory.hosts as hosts
		count(found) == 1
	}
}

test_gpus_of_the_host_and_other_vendors_are_not if {
	every fields in [
		ids(["0", "mig-c0"]),
		{"grants": [amd(fixture.grant({"identities": ["7"]}))]},
		{"grants": [fixture.grant({"method": "device-node", "identities": ["/dev/nvidia7"]})]},
		{"grants": [fixture.counted(1), fixture.everything("gpus", "count: all")]},
	] {
		found := gpu_driver_compatible.violation with input as on("mig", fields, {})
			with data.policyd.inventory.hosts as hosts
		found == set()
	}
}

test_count_above_that_of_the_host_is_reported_at_the_count if {
	fields := fixture.by_count(3)
	found := gpu_driver_compatible.violation with input as on("old", fields, {})
		with data.policyd.inventory.hosts as hosts
	{[v.path[count(v.path) - 1], v.msg] | some v in found} == {["count", "service app asks for 3 GPUs, more than the host old has: it has 0 (GPU-aa), 1 (GPU-bb)"]}
	none := gpu_driver_compatible.violation with input as on("bare", fields, {})
		with data.policyd.inventory.hosts as hosts
	{v.msg | some v in none} == {"service app asks for 3 GPUs, more than the host bare has: it has none"}
}

test_host_that_nobody_knows_is_reported_only_when_asked if {
	every host, said in {"new": "the host new is not in the inventory", "": "the review names no host"} {
		found := gpu_driver_compatible.violation with input as on(host, image("nvidia/cuda:12.4.1-base"), {})
			with data.policyd.inventory.hosts as hosts
		found == set()
		asked := gpu_driver_compatible.violation with input as on(host, image("nvidia/cuda:12.4.1-base"), {"require_inventory": true})
			with data.policyd.inventory.hosts as hosts
		asked == {{
			"msg": sprintf("service app gets a GPU, and %s", [said]),
			"service": "app",
			"path": ["services", "app"],
			"constraint": "c",
		}}
	}
	known := gpu_driver_compatible.violation with input as on("old", ids(["0"]), {"require_inventory": true})
		with data.policyd.inventory.hosts as hosts
	known == set()
}

test_count_of_other_vendors_and_of_generic_resources_is_not if {
	resource := object.union(fixture.counted(9), {"method": "generic-resource", "identities": []})
	fields := {"grants": [amd(fixture.counted(9)), resource]}
	found := gpu_driver_compatible.violation with input as on("old", fields, {})
		with data.policyd.inventory.hosts as hosts
	found == set()
}

test_mig_device_in_the_form_of_old_drivers_is_known_to_them_only if {
	old := object.union(hosts, {"mig": object.union(hosts.mig, {"driver_version": "460.32.03"})})
	found := gpu_driver_compatible.violation with input as on("mig", ids(["mig-gpu-cc/1/0"]), {})
		with data.policyd.inventory.hosts as old
	found == set()
}
