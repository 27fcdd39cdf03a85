package policyd.policies.no_host_disk_or_memory_devices_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_disk_or_memory_devices

test_disks_and_memory_in_devices_are_reported if {
	every node, what in {
		"/dev/mem": "physical memory", "/dev/char/1:2": "physical memory", "/dev/sda1": "a disk",
		"/dev/nvme0n1": "a disk", "/dev/mapper/vg-root": "a disk", "/dev/disk/by-id/x": "a disk", "/dev/sg0": "a disk",
		"/dev": "every disk",
	} {
		found := no_host_disk_or_memory_devices.violation with input as fixture.app({"devices": [fixture.device(node)]})
		found == {{
			"msg": sprintf("service app maps %s of the host: %s", [what, node]),
			"service": "app",
			"path": ["services", "app", "devices", 0],
		}}
	}
}

test_mounted_disk_and_filesystem_on_a_disk_are_reported if {
	on_disk := object.union(fixture.bind("/dev/sdb1", "/b"), {"type": "filesystem", "fstype": "ext4"})
	found := no_host_disk_or_memory_devices.violation with input as fixture.app({"mounts": [fixture.bind("/dev/sda", "/a"), on_disk]})
	{v.msg | some v in found} == {
		"service app mounts a disk of the host: /dev/sda",
		"service app mounts a disk of the host: /dev/sdb1",
	}
}

test_other_nodes_and_filesystems_are_not if {
	nfs := object.union(fixture.bind(":/export", "/n"), {"type": "filesystem", "fstype": "nfs"})
	found := no_host_disk_or_memory_devices.violation with input as fixture.app({
		"devices": [fixture.device("/dev/null"), fixture.device("/dev/snd")],
		"mounts": [nfs],
	})
	found == set()
}
