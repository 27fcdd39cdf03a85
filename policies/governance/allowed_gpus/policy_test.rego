package policyd.policies.allowed_gpus_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_gpus

# asks is a review of service "app" with `fields` by user ci of the group vision, for ml/vision on
# the host gpu-01.
asks(fields) := object.union(fixture.app(fields), {"review": {
	"userInfo": {"username": "ci", "groups": ["vision", "ci"]},
	"source": {"repository": "ml/vision", "host": "gpu-01"},
}})

# entitled is an entitlement to the GPUs 0 and 1 by reservation, with `fields`.
entitled(fields) := {"e": object.union({"vendors": ["nvidia"], "methods": ["reservation"], "devices": ["0", "1"]}, fields)}

ids(found) := fixture.by_ids(found)

node(path) := fixture.grant({"method": "device-node", "devices": [path], "identities": [path], "path": [path]})

hosts := {"gpu-01": {"driver_version": "580", "cuda_version": "13.0", "gpus": [{"index": 0, "uuid": "GPU-aa", "name": "H200"}]}}

test_without_an_entitlement_every_gpu_is_reported if {
	found := allowed_gpus.violation with input as asks(ids(["0"])) with data.policyd.entitlements as {}
	found == {{
		"msg": concat("", [
			"service app gets GPU 0 of nvidia by reservation (device_ids: 0), ",
			"which no entitlement of user ci, repository ml/vision, group vision, group ci, host gpu-01 covers",
		]),
		"service": "app",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "device_ids"],
	}}
}

test_named_gpus_of_the_entitlement_are_not if {
	found := allowed_gpus.violation with input as asks(ids(["1", "0"])) with data.policyd.entitlements as entitled({})
	found == set()
}

test_only_the_other_gpus_are_named if {
	found := allowed_gpus.violation with input as asks(ids(["0", "2", "3"])) with data.policyd.entitlements as entitled({})
	{v.msg | some v in found; contains(v.msg, "gets GPU 2, 3 of nvidia by reservation")} != set()
	count(found) == 1
}

test_another_vendor_or_method_is_reported if {
	every fields in [
		{"vendor": "amd"},
		{"method": "gpus"},
		{"method": "cdi", "devices": ["nvidia.com/gpu=0"]},
		{"method": "device-node", "devices": ["/dev/nvidia0"], "identities": ["/dev/nvidia0"]},
		{"method": "privileged", "devices": "all", "identities": []},
	] {
		found := allowed_gpus.violation with input as asks({"grants": [fixture.grant(fields)]}) with data.policyd.entitlements as entitled({})
		count(found) == 1
	}
}

test_devices_of_any_method_can_be_entitled if {
	every method in ["cdi", "environment", "mount"] {
		fields := {"grants": [fixture.grant({"method": method})]}
		found := allowed_gpus.violation with input as asks(fields) with data.policyd.entitlements as entitled({"methods": [method]})
		found == set()
	}
	found := allowed_gpus.violation with input as asks({"grants": [node("/dev/nvidia0"), node("/dev/nvidiactl")]})
		with data.policyd.entitlements as entitled({"methods": ["device-node"], "devices": ["/dev/nvidia0"]})
	count(found) == 1
	some v in found
	contains(v.msg, "GPU /dev/nvidiactl of nvidia by device-node")
}

test_whoever_asks_must_match_every_field if {
	every fields in [
		{"users": ["ci"]},
		{"groups": ["vision", "speech"]},
		{"repositories": ["ml/vision"]},
		{"repositories": ["ml/**"]},
		{"hosts": ["gpu-01", "gpu-02"]},
		{"users": ["ci"], "groups": ["vision"], "repositories": ["ml/**"], "hosts": ["gpu-01"]},
	] {
		found := allowed_gpus.violation with input as asks(ids(["0"])) with data.policyd.entitlements as entitled(fields)
		found == set()
	}
	every fields in [
		{"users": ["root"]},
		{"groups": ["speech"]},
		{"repositories": ["ml/*"]},
		{"repositories": ["ml"]},
		{"repositories": ["l/**"]},
		{"repositories": []},
		{"hosts": ["gpu-02"]},
		{"users": ["ci"], "groups": ["speech"]},
	] {
		found := allowed_gpus.violation with input as asks(ids(["0"])) with data.policyd.entitlements as entitled(fields)
		count(found) == 1
	}
}

test_what_the_review_does_not_say_no_entitlement_covers if {
	nobody := object.union(asks(ids(["0"])), {"review": {
		"userInfo": {"username": "", "groups": []},
		"source": {"repository": "", "host": ""},
	}})
	every fields in [{"users": ["ci"]}, {"groups": ["vision"]}, {"repositories": ["ml/**"]}, {"hosts": ["gpu-01"]}] {
		found := allowed_gpus.violation with input as nobody with data.policyd.entitlements as entitled(fields)
		count(found) == 1
		some v in found
		endswith(v.msg, "which no entitlement of the requester covers")
	}
}

test_entitlements_add_up if {
	both := object.union(entitled({}), {"f": {"vendors": ["nvidia"], "methods": ["reservation"], "devices": ["2"]}})
	found := allowed_gpus.violation with input as asks(ids(["0", "2"])) with data.policyd.entitlements as both
	found == set()
}

test_count_is_of_the_service_with_its_replicas if {
	fields := {"replicas": 2, "grants": [
		fixture.counted(1),
		object.union(fixture.counted(2), {"path": ["x", "count"]}),
	]}
	enough := allowed_gpus.violation with input as asks(fields) with data.policyd.entitlements as entitled({"count": 6})
	enough == set()
	less := allowed_gpus.violation with input as asks(fields) with data.policyd.entitlements as entitled({"count": 5})
	count(less) == 2
	some v in less
	v.path == ["x", "count"]
	startswith(v.msg, "service app gets 6 GPUs of nvidia by reservation (count: 2), which no entitlement")
	one := fixture.by_count(1)
	none := allowed_gpus.violation with input as asks(one) with data.policyd.entitlements as entitled({})
	count(none) == 1
}

test_all_must_be_entitled_as_such if {
	all := {"grants": [fixture.everything("reservation", "count: all")]}
	found := allowed_gpus.violation with input as asks(all) with data.policyd.entitlements as entitled({"count": 100})
	some v in found
	startswith(v.msg, "service app gets every GPU of nvidia by reservation (count: all)")
	every fields in [all, ids(["7"]), fixture.by_count(9)] {
		none := allowed_gpus.violation with input as asks(fields) with data.policyd.entitlements as entitled({"devices": ["all"]})
		none == set()
	}
}

test_every_device_of_a_range_needs_an_entitlement if {
	range := {"grants": [fixture.grant({"devices": ["0", "1", "2"], "identities": ["0", "1", "2"]})]}
	found := allowed_gpus.violation with input as asks(range) with data.policyd.entitlements as entitled({"devices": ["00", "+1"]})
	some v in found
	contains(v.msg, "gets GPU 2 of nvidia")
}

test_id_in_capitals_is_no_entitlement_to_all if {
	found := allowed_gpus.violation with input as asks(ids(["ALL"])) with data.policyd.entitlements as entitled({})
	count(found) == 1
}

test_index_and_uuid_are_one_gpu_on_a_host_of_the_inventory if {
	by_uuid := entitled({"devices": ["GPU-aa"]})
	found := allowed_gpus.violation with input as asks(ids(["0"]))
		with data.policyd.entitlements as by_uuid
		with data.policyd.inventory.hosts as hosts
	found == set()
	elsewhere := allowed_gpus.violation with input as asks(ids(["0"])) with data.policyd.entitlements as by_uuid
	count(elsewhere) == 1
}
