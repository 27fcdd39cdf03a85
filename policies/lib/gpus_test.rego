package policyd.lib.gpus_test

import data.policyd.lib.gpus

test_ids_are_named_as_written_and_cdi_names_by_their_device if {
	gpus.named({"method": "reservation", "vendor": "nvidia", "devices": ["1", "GPU-aa", "1"]}) == ["1", "GPU-aa", "1"]
	gpus.named({"method": "cdi", "vendor": "nvidia", "devices": ["nvidia.com/gpu=0", "nvidia.com/gds=0", "amd.com/gpu=2", "nvidia.com/gpu=0 1"]}) == ["0", "nvidia.com/gds=0", "amd.com/gpu=2", "nvidia.com/gpu=0 1"]
	gpus.named({"method": "cdi", "vendor": "amd", "devices": ["amd.com/gpu=2"]}) == ["2"]
}

test_nodes_all_and_counts_name_nothing if {
	gpus.named({"method": "device-node", "vendor": "nvidia", "devices": ["/dev/nvidia0"]}) == []
	gpus.named({"method": "gpus", "vendor": "nvidia", "devices": "all"}) == []
	gpus.named({"method": "gpus", "vendor": "nvidia", "devices": {"count": 2}}) == []
}

test_counts_are_bounded if {
	gpus.counted({"devices": {"count": 2}}) == 2
	gpus.counted({"devices": {"count": 9223372036854775807}}) == 1000000
	gpus.counted({"devices": ["0"]}) == 0
	gpus.counted({"devices": "all"}) == 0
}
