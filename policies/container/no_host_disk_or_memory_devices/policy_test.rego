package policyd.policies.no_host_disk_or_memory_devices_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_disk_or_memory_devices

test_disk_or_memory_in_devices_is_reported_with_its_kind if {
	every kind in ["a disk", "every disk", "physical memory"] {
		device := object.union(fixture.device("/dev/x"), {"disk": kind})
		found := no_host_disk_or_memory_devices.violation with input as fixture.app({"devices": [device]})
		found == {{
			"msg": sprintf("service app maps %s of the host: /dev/x", [kind]),
			"service": "app",
			"path": ["services", "app", "devices", 0],
		}}
	}
}

test_mounted_disk_and_filesystem_on_a_disk_are_reported if {
	disk := object.union(fixture.reaching("disk", "/dev/sda", "/a"), {"disk": "a disk"})
	on_disk := object.union(disk, {"source": "/dev/sdb1", "type": "filesystem", "fstype": "ext4"})
	found := no_host_disk_or_memory_devices.violation with input as fixture.app({"mounts": [disk, on_disk]})
	{v.msg | some v in found} == {
		"service app mounts a disk of the host: /dev/sda",
		"service app mounts a disk of the host: /dev/sdb1",
	}
}

test_other_nodes_and_mounts_are_not if {
	links := object.union(fixture.bind("/dev/disk", "/d"), {"disk": "a disk", "read_only": true})
	found := no_host_disk_or_memory_devices.violation with input as fixture.app({
		"devices": [fixture.device("/dev/null")],
		"mounts": [links, fixture.reaching("dev", "/dev", "/dev")],
	})
	found == set()
}
