package policyd.lib.nodes

patterns := data.policyd.tables.nodes

usb_patterns := data.policyd.tables.usb_nodes

disk_patterns := data.policyd.tables.disk_nodes

# holds_all is true for a folder below which every device node of the host lies.
holds_all(path) if path in {"/", "/dev", "/dev/char"}

# vendors of the accelerator node, or of the nodes in the folder, at the clean host path `path`. The set
# is empty for any other path. `beside_kfd` says whether the workload maps AMD's compute device.
vendors(path, beside_kfd) := {"unknown"} if holds_all(path)

else := {vendor |
	startswith(path, "/dev/")
	name := substring(path, 5, -1)
	some pattern, owner in patterns
	regex.match(pattern, name)
	vendor := resolved(owner, beside_kfd)
} | usb_vendors(path)

resolved(owner, beside_kfd) := owner if owner != "drm"

else := "amd" if beside_kfd

else := "unknown"

# usb_vendors are the vendors of USB devices on a host that has accelerators on its USB bus.
usb_vendors(path) := {vendor |
	startswith(path, "/dev/")
	data.policyd.lib.hosts.has_usb_accelerators
	some pattern, vendor in data.policyd.lib.nodes.usb_patterns
	regex.match(pattern, substring(path, 5, -1))
}

# disk is the kind of the disk or memory node at `path`. It is undefined for other paths.
disk(path) := min(kinds) if {
	startswith(path, "/dev/")
	name := substring(path, 5, -1)
	kinds := {what | some pattern, what in disk_patterns; regex.match(pattern, name)}
	kinds != set()
}

below(path, directory) if path == directory

below(path, directory) if startswith(path, concat("", [directory, "/"]))
