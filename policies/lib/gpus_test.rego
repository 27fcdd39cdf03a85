package policyd.lib.gpus_test

import data.policyd.lib.fixture
import data.policyd.lib.gpus

test_identities_are_named_where_the_devices_are_gpus if {
	gpus.named(fixture.grant({"devices": ["00"], "identities": ["0"]})) == ["0"]
	gpus.named(fixture.grant({"method": "mount", "form": "volume-request", "devices": ["1"], "identities": ["1"]})) == ["1"]
}

test_nodes_all_and_counts_name_nothing if {
	node := {"method": "device-node", "devices": ["/dev/nvidia0"], "identities": ["/dev/nvidia0"]}
	gpus.named(fixture.grant(node)) == []
	gpus.named(fixture.grant({"devices": "all"})) == []
	gpus.named(fixture.grant({"devices": {"count": 1}, "identities": ["0"]})) == []
}

test_counts_are_bounded if {
	gpus.counted(fixture.grant({"devices": {"count": 2}})) == 2
	gpus.counted(fixture.grant({"devices": {"count": 10000000}})) == 1000000
	gpus.counted(fixture.grant({"devices": ["0"]})) == 0
}

test_image_counts_only_where_it_is_certain if {
	certain := fixture.grant({"method": "image", "devices": "all"})
	uncertain := fixture.grant({"method": "image", "devices": "all", "certainty": "default-runtime"})
	gpus.granted(fixture.service("app", {"grants": [uncertain, certain]})) == [certain]
}
