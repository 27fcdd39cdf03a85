package policyd.lib.nodes

patterns := data.policyd.tables.nodes

disk_patterns := data.policyd.tables.disk_nodes

device_classes := data.policyd.tables.device_classes

# holds_all: every device node of the host lies below.
holds_all(path) if path in {"/", "/dev", "/dev/char"}

# vendors of an accelerator node, or of a directory of such nodes, at the clean host path `path`;
# empty for anything else. `beside_kfd` says whether the service maps an AMD compute device.
vendors(path, beside_kfd) := {"unknown"} if holds_all(path)

else := {vendor |
	startswith(path, "/dev/")
	name := substring(path, 5, -1)
	some pattern, owner in patterns
	regex.match(pattern, name)
	vendor := resolved(owner, beside_kfd)
}

resolved(owner, beside_kfd) := owner if owner != "drm"

else := "amd" if beside_kfd

else := "unknown"

# kfd: the service maps the AMD compute device among its `devices`.
kfd(w) if {
	some device in w.devices
	device.node == "/dev/kfd"
}

else := false

# disk is what the disk or memory node at `path` is; undefined for other paths.
disk(path) := min(kinds) if {
	startswith(path, "/dev/")
	name := substring(path, 5, -1)
	kinds := {what | some pattern, what in disk_patterns; regex.match(pattern, name)}
	kinds != set()
}

# class_guid of a device of a Windows host, as grants show it.
class_guid(source) := guid if {
	text := lower(source)
	some known, _ in device_classes
	contains(text, known)
	guid := known
}

below(path, directory) if path == directory

below(path, directory) if startswith(path, concat("", [directory, "/"]))
