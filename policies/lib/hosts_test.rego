package policyd.lib.hosts_test

import data.policyd.lib.hosts

# of is the input of a review of the host `name`.
of(name) := {"review": {"source": {"host": name}}}

inventory := {"a": {
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
				{"index": 1, "uuid": "MIG-b1", "name": "1g.5gb"},
			],
		},
	],
}}

test_only_a_host_of_the_inventory_is_known if {
	hosts.is_known with input as of("a") with data.policyd.inventory.hosts as inventory
	not hosts.is_known with input as of("b") with data.policyd.inventory.hosts as inventory
	not hosts.is_known with input as of("") with data.policyd.inventory.hosts as inventory
	not hosts.is_known with input as of("a")
}

test_gpu_goes_by_index_uuid_and_pci_address if {
	every id in ["0", "gpu0", "GPU-AA", "gpu-aa", "00000000:c1:00.0", "0000:C1:00.0"] {
		device := hosts.device(id) with input as of("a") with data.policyd.inventory.hosts as inventory
		device == "gpu-aa"
		hosts.has(id) with input as of("a") with data.policyd.inventory.hosts as inventory
	}
}

test_mig_device_goes_by_uuid_and_indexes_and_has_its_gpu if {
	every id in ["1:1", "mig1:1", "mig-b1"] {
		found := hosts.by_name[id] with input as of("a") with data.policyd.inventory.hosts as inventory
		[found.uuid, found.gpu.index] == ["MIG-b1", 1]
	}
}

test_other_ids_are_not_there if {
	every id in ["2", "00", "-1", "GPU-A", "0:0", "1:2", "", "all", "C1:00.0"] {
		not hosts.has(id) with input as of("a") with data.policyd.inventory.hosts as inventory
	}
	not hosts.has("0") with input as of("b") with data.policyd.inventory.hosts as inventory
}

test_device_is_the_uuid_where_there_is_one if {
	every id, device in {"0": "gpu-aa", "gpu-BB": "gpu-bb", "1:0": "mig-b0", "7": "7", "ALL": "ALL"} {
		one := hosts.device(id) with input as of("a") with data.policyd.inventory.hosts as inventory
		one == device
	}
	unknown := hosts.device("0") with input as of("b") with data.policyd.inventory.hosts as inventory
	unknown == "0"
}
