package policyd.policies.no_host_disk_or_memory_devices_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_disk_or_memory_devices

test_disks_and_memory_in_devices_are_reported if {
	every node, what in {
		"/dev/mem": "physical memory", "/dev/char/1:2": "physical memory", "/dev/sda1": "a disk",
		"/dev/nvme0n1": "a disk", "/dev/mapper/vg-root": "a disk", "/dev/disk/by-id/x": "a disk", "/dev/sg0": "a disk",
		"/dev/vda1": "a disk", "/dev/vdaa": "a disk", "/dev/vd": "a disk",
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

test_virtual_npus_are_not_disks if {
	device := fixture.device("/dev/vdavinci100")
	count(no_host_disk_or_memory_devices.violation) == 0 with input as fixture.app({"devices": [device]})
}

test_mounted_disk_and_filesystem_on_a_disk_are_reported if {
	on_disk := object.union(fixture.bind("/dev/sdb1", "/b"), {"type": "filesystem", "fstype": "ext4"})
	mounts := [fixture.bind("/dev/sda", "/a"), on_disk]
	found := no_host_disk_or_memory_devices.violation with input as fixture.app({"mounts": mounts})
	{v.msg | some v in found} == {
		"service app mounts a disk of the host: /dev/sda",
		"service app mounts a disk of the host: /dev/sdb1",
	}
}

test_folders_of_links_are_reported_unless_they_are_read_only if {
	every source in ["/dev/disk", "/dev/disk/by-id", "/dev/disk/by-partlabel"] {
		mount := fixture.bind(source, "/d")
		writable := no_host_disk_or_memory_devices.violation with input as fixture.app({"mounts": [mount]})
		count(writable) == 1
		read_only := object.union(mount, {"read_only": true})
		found := no_host_disk_or_memory_devices.violation with input as fixture.app({"mounts": [read_only]})
		found == set()
	}
}

test_link_to_a_disk_is_reported_even_if_it_is_read_only if {
	mount := object.union(fixture.bind("/dev/disk/by-id/x", "/d"), {"read_only": true})
	found := no_host_disk_or_memory_devices.violation with input as fixture.app({"mounts": [mount]})
	{v.msg | some v in found} == {"service app mounts a disk of the host: /dev/disk/by-id/x"}
}

test_other_nodes_and_filesystems_are_not if {
	nfs := object.union(fixture.bind(":/export", "/n"), {"type": "filesystem", "fstype": "nfs"})
	found := no_host_disk_or_memory_devices.violation with input as fixture.app({
		"devices": [fixture.device("/dev/null"), fixture.device("/dev/snd")],
		"mounts": [nfs],
	})
	found == set()
}
