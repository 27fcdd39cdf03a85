package policyd.lib.hosts_test

import data.policyd.lib.hosts

# of is the input of a review of the host `name`.
of(name) := {"review": {"source": {"host": name}}}

inventory := {
	"a": {
		"driver_version": "535.104.05",
		"cuda_version": "12.2",
		"gpus": [
			{"index": 0, "uuid": "GPU-AA", "name": "A100", "pci": "00000000:C1:00.0"},
			{
				"index": 1,
				"uuid": "GPU-BB",
				"name": "A100",
				"mig_devices": [
					{"index": 0, "uuid": "MIG-b0", "name": "1g.5gb"},
					{"index": 1, "uuid": "MIG-B1", "name": "1g.5gb"},
				],
			},
		],
	},
	"usb": {"driver_version": "1", "cuda_version": "1", "gpus": [], "usb_accelerators": true},
}

test_only_a_host_of_the_inventory_is_known if {
	hosts.is_known with input as of("a") with data.policyd.inventory.hosts as inventory
	not hosts.is_known with input as of("b") with data.policyd.inventory.hosts as inventory
	not hosts.is_known with input as of("") with data.policyd.inventory.hosts as inventory
	not hosts.is_known with input as of("a")
}

test_device_has_a_gpu_by_its_identity if {
	every id, index in {"0": 0, "1": 1, "mig-b1": 1} {
		gpu := hosts.gpu_of[id] with input as of("a") with data.policyd.inventory.hosts as inventory
		gpu.index == index
		hosts.has(id) with input as of("a") with data.policyd.inventory.hosts as inventory
	}
	every id in ["2", "00", "GPU-AA", "1:1", "", "all"] {
		not hosts.has(id) with input as of("a") with data.policyd.inventory.hosts as inventory
	}
}

test_names_of_one_device_have_one_identity if {
	every id, expected in {
		"0": "0",
		"+00": "0",
		"gpu0": "0",
		"gpu-AA": "0",
		"0000:C1:0.0": "0",
		"nvidia.com/gpu=GPU-aa": "0",
		"01:1": "mig-b1",
		"mig1:1": "mig-b1",
		"MIG-b1": "mig-b1",
		"7": "7",
		"GPU-ZZ": "gpu-zz",
		"9:1": "9:1",
		"ALL": "ALL",
		"/dev/nvidia0": "/dev/nvidia0",
		"amd.com/gpu=0": "amd.com/gpu=0",
		"GPU-x.example/gpu=0": "GPU-x.example/gpu=0",
		"a00000000:18:00.0": "a00000000:18:00.0",
		"nvidia.com/gpu=-": "nvidia.com/gpu=-",
	} {
		one := hosts.identity("nvidia", id) with input as of("a") with data.policyd.inventory.hosts as inventory
		one == expected
	}
}

test_names_are_different_devices_on_a_host_that_is_not_known if {
	every id, expected in {"0": "0", "GPU-AA": "gpu-aa", "0000:c1:00.0": "00000000:c1:00.0", "1:01": "1:1"} {
		one := hosts.identity("nvidia", id) with input as of("b") with data.policyd.inventory.hosts as inventory
		one == expected
	}
}

test_other_vendors_have_no_names_in_the_inventory if {
	every id, expected in {"gpu-AA": "gpu-aa", "amd.com/gpu=01": "1", "0XAB": "0xab"} {
		one := hosts.identity("amd", id) with input as of("a") with data.policyd.inventory.hosts as inventory
		one == expected
	}
	unknown := hosts.identity("unknown", "acme.example/npu=0") with input as of("a")
	unknown == "acme.example/npu=0"
}
