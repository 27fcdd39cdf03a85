package policyd.policies.no_raw_device_nodes_test

import data.policyd.lib.fixture
import data.policyd.policies.no_raw_device_nodes

test_nodes_of_accelerators_are_reported if {
	every node in [
		"/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap1", "/dev/nvhost-gpu", "/dev/char/195:255", "/dev/kfd",
		"/dev/dri/renderD128", "/dev/accel/accel0", "/dev/hl0", "/dev/apex_0", "/dev/vfio/42", "/dev/dxg",
		"/dev/char/511:0", "/dev/davinci_manager", "/dev/neuron1",
	] {
		found := no_raw_device_nodes.violation with input as fixture.app({"devices": [fixture.device(node)]})
		found == {{
			"msg": sprintf("service app maps the device node %s", [node]),
			"service": "app",
			"path": ["services", "app", "devices", 0],
		}}
	}
}

test_directories_of_nodes_are_reported if {
	every node in ["/", "/dev", "/dev/char", "/dev/dri", "/dev/vfio"] {
		found := no_raw_device_nodes.violation with input as fixture.app({"devices": [fixture.device(node)]})
		count(found) == 1
	}
}

test_windows_class_is_reported if {
	source := "class/5B45201D-F2F2-4F3B-85BB-30FF1F953599"
	found := no_raw_device_nodes.violation with input as fixture.app({"devices": [fixture.device(source)]})
	{v.msg | some v in found} == {sprintf("service app maps the device node %s", [source])}
}

test_other_nodes_and_cdi_names_are_not if {
	every node in [
		"/dev/fuse", "/dev/nvme0n1", "/dev/nvram", "/dev/kfdlog", "/dev/driver-updates", "/dev/accelerometer",
		"/dev/ttyUSB0", "/dev/snd", "/dev/null", "/dev/char/188:0", "/dev/char/255:0", "nvidia.com/gpu=0",
	] {
		found := no_raw_device_nodes.violation with input as fixture.app({"devices": [fixture.device(node)]})
		found == set()
	}
}
