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
		"parameters": object.union({"minor_version_compatibility": true, "require_inventory": false}, parameters),
	}]},
})

ids(found) := fixture.by_ids(found)

amd(grant) := object.union(grant, {"vendor": "amd"})

privileged := object.union(fixture.everything("privileged", "privileged: true"), {"vendor": "unknown"})

image(name) := object.union(ids(["0"]), {"image": name})

requires(value) := object.union(ids(["0"]), {"environment": {"NVIDIA_REQUIRE_CUDA": value}})

test_image_of_a_newer_cuda_is_reported_at_the_image if {
	found := gpu_driver_compatible.violation with input as on("old", image("nvidia/cuda:12.4.1-base"), {})
		with data.policyd.inventory.hosts as hosts
	found == {{
		"msg": concat("", [
			"service app runs CUDA 12.4 by its image, which needs the driver 525.60.13: ",
			"the host old has the driver 470.256.02 (CUDA 11.4)",
		]),
		"service": "app",
		"path": ["services", "app", "image"],
		"constraint": "c",
	}}
}

test_image_of_the_same_major_version_is_not_unless_asked if {
	found := gpu_driver_compatible.violation with input as on("old", image("nvidia/cuda:11.8.0-base"), {})
		with data.policyd.inventory.hosts as hosts
	found == set()
	strict := gpu_driver_compatible.violation with input as on("old", image("nvidia/cuda:11.8.0-base"), {"minor_version_compatibility": false})
		with data.policyd.inventory.hosts as hosts
	{v.msg | some v in strict} == {concat("", [
		"service app runs CUDA 11.8 by its image, which needs the driver 520.61.05: ",
		"the host old has the driver 470.256.02 (CUDA 11.4)",
	])}
}

test_version_that_is_in_no_table_needs_a_driver_for_it if {
	found := gpu_driver_compatible.violation with input as on("old", image("nvidia/cuda:14.0.0-base"), {})
		with data.policyd.inventory.hosts as hosts
	some v in found
	startswith(v.msg, "service app runs CUDA 14.0 by its image, which needs a driver for CUDA 14.0: ")
}

test_service_without_a_gpu_may_run_any_image if {
	every fields in [
		{"image": "nvidia/cuda:12.4.1-base"},
		{"image": "nvidia/cuda:12.4.1-base", "grants": [amd(fixture.counted(1))]},
	] {
		found := gpu_driver_compatible.violation with input as on("old", fields, {})
			with data.policyd.inventory.hosts as hosts
		found == set()
	}
}

test_gpu_of_a_privileged_service_counts if {
	fields := {"image": "nvidia/cuda:12.4.1-base", "grants": [privileged]}
	found := gpu_driver_compatible.violation with input as on("old", fields, {})
		with data.policyd.inventory.hosts as hosts
	count(found) == 1
}

test_legacy_variable_is_reported_at_the_variable if {
	fields := object.union(ids(["0"]), {"environment": {"CUDA_VERSION": "12.1.0"}})
	found := gpu_driver_compatible.violation with input as on("old", fields, {})
		with data.policyd.inventory.hosts as hosts
	{[v.path, v.msg] | some v in found} == {[
		["services", "app", "environment", "CUDA_VERSION"],
		concat("", [
			"service app has CUDA_VERSION=12.1.0, which needs the driver 525.60.13: ",
			"the host old has the driver 470.256.02 (CUDA 11.4)",
		]),
	]}
	beside := object.union(ids(["0"]), {"environment": {"CUDA_VERSION": "12.1.0", "NVIDIA_REQUIRE_CUDA": "cuda>=11.4"}})
	none := gpu_driver_compatible.violation with input as on("old", beside, {})
		with data.policyd.inventory.hosts as hosts
	none == set()
}

test_unmet_requirement_is_reported_at_the_variable if {
	found := gpu_driver_compatible.violation with input as on("old", requires("cuda>=12.4"), {})
		with data.policyd.inventory.hosts as hosts
	found == {{
		"msg": concat("", [
			"service app asks for cuda>=12.4 (NVIDIA_REQUIRE_CUDA): ",
			"the host old has the driver 470.256.02 (CUDA 11.4), brand tesla",
		]),
		"service": "app",
		"path": ["services", "app", "environment", "NVIDIA_REQUIRE_CUDA"],
		"constraint": "c",
	}}
}

test_alternatives_are_told if {
	found := gpu_driver_compatible.violation with input as on("old", requires("cuda>=12.4 brand=tesla,driver>=535 brand=grid"), {})
		with data.policyd.inventory.hosts as hosts
	some v in found
	startswith(v.msg, "service app asks for cuda>=12.4 (NVIDIA_REQUIRE_CUDA, the first of 3 alternatives): ")
}

test_long_requirement_is_not_repeated if {
	long := concat(",", [sprintf("driver>=%d", [number]) | some number in numbers.range(600, 620)])
	found := gpu_driver_compatible.violation with input as on("old", requires(long), {})
		with data.policyd.inventory.hosts as hosts
	some v in found
	startswith(v.msg, "service app asks for a condition (NVIDIA_REQUIRE_CUDA): ")
}

test_met_requirement_and_other_variables_are_not if {
	every environment in [
		{"NVIDIA_REQUIRE_CUDA": "cuda>=12.4 brand=tesla,driver>=470,driver<471"},
		{"NVIDIA_REQUIRE_CUDA": ""},
		{"NVIDIA_REQUIRE_CUDA": null},
		{"NVIDIA_REQUIRE_JETPACK_HOST": "csv-mounts=all"},
		{"CUDA_VERSION": null},
		{"NVIDIA_VISIBLE_DEVICES": "void"},
	] {
		fields := object.union(ids(["0"]), {"environment": environment})
		found := gpu_driver_compatible.violation with input as on("old", fields, {})
			with data.policyd.inventory.hosts as hosts
		found == set()
	}
}

test_each_requirement_must_be_met if {
	fields := object.union(ids(["0"]), {"environment": {"NVIDIA_REQUIRE_CUDA": "cuda>=11.0", "NVIDIA_REQUIRE_DRIVER": "driver>=535"}})
	found := gpu_driver_compatible.violation with input as on("old", fields, {})
		with data.policyd.inventory.hosts as hosts
	{v.path | some v in found} == {["services", "app", "environment", "NVIDIA_REQUIRE_DRIVER"]}
}

test_requirement_is_of_the_gpus_that_the_service_gets if {
	value := "brand=titan"
	every devices in [["1"], ["1", "1"]] {
		fields := object.union(ids(devices), {"environment": {"NVIDIA_REQUIRE_CUDA": value}})
		found := gpu_driver_compatible.violation with input as on("old", fields, {})
			with data.policyd.inventory.hosts as hosts
		found == set()
	}
	every grants in [
		fixture.by_ids(["0", "1"]).grants,
		[fixture.counted(1)],
		[fixture.everything("reservation", "count: all")],
	] {
		fields := {"grants": grants, "environment": {"NVIDIA_REQUIRE_CUDA": value}}
		found := gpu_driver_compatible.violation with input as on("old", fields, {})
			with data.policyd.inventory.hosts as hosts
		count(found) == 1
	}
}

test_host_without_gpus_is_judged_by_its_driver if {
	every value, number in {"cuda>=12.0": 1, "cuda>=11.0,brand=tesla,arch>=9.0": 0} {
		fields := {"grants": [privileged], "environment": {"NVIDIA_REQUIRE_CUDA": value}}
		found := gpu_driver_compatible.violation with input as on("bare", fields, {})
			with data.policyd.inventory.hosts as hosts
		count(found) == number
	}
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

test_gpus_of_other_vendors_are_not_those_that_a_requirement_is_about if {
	others := [amd(fixture.grant({})), amd(fixture.counted(2)), amd(fixture.everything("gpus", "count: all"))]
	fields := {
		"grants": array.concat(others, fixture.by_ids(["1"]).grants),
		"environment": {"NVIDIA_REQUIRE_CUDA": "brand=titan"},
	}
	found := gpu_driver_compatible.violation with input as on("old", fields, {})
		with data.policyd.inventory.hosts as hosts
	found == set()
}

test_requirement_is_of_all_gpus_where_a_service_may_get_any if {
	every fields in [
		{"grants": array.concat(ids(["1"]).grants, [privileged])},
		{"grants": [fixture.everything("runtime", "runtime: nvidia")]},
	] {
		with_value := object.union(fields, {"environment": {"NVIDIA_REQUIRE_CUDA": "brand=titan"}})
		found := gpu_driver_compatible.violation with input as on("old", with_value, {})
			with data.policyd.inventory.hosts as hosts
		{v.path[3] | some v in found} == {"NVIDIA_REQUIRE_CUDA"}
	}
	unknown := object.union(ids(["9"]), {"environment": {"NVIDIA_REQUIRE_CUDA": "brand=titan"}})
	both := gpu_driver_compatible.violation with input as on("old", unknown, {})
		with data.policyd.inventory.hosts as hosts
	count(both) == 2
}

test_services_with_one_requirement_are_judged_by_their_own_gpus if {
	services := [fixture.service(name, object.union(ids([id]), {"environment": {"NVIDIA_REQUIRE_CUDA": "brand=titan"}})) |
		some name, id in {"a": "0", "b": "1"}
	]
	found := gpu_driver_compatible.violation with input as object.union(on("old", {}, {}), {"workloads": services})
		with data.policyd.inventory.hosts as hosts
	{v.service | some v in found} == {"a"}
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
