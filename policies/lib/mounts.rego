package policyd.lib.mounts

import data.policyd.lib.nodes

request_root := "/var/run/nvidia-container-devices"

# found[service] holds each mount that reaches into the host, with the one class that says how:
# pipe, volume-request, root, dev, disk, socket, proc-sys or runtime-config. The first class that
# fits counts, in that order.
found[w.name] contains {"class": class, "mount": mount} if {
	some w in input.workloads
	some mount in w.mounts
	mount.type in {"bind", "npipe"}
	class := class_of(mount, w.project_directory)
}

found[w.name] contains {"class": "disk", "mount": mount} if {
	some w in input.workloads
	some mount in w.mounts
	mount.type == "filesystem"
	nodes.disk(mount.source)
}

class_of(mount, project_directory) := "pipe" if is_pipe(lower(mount.source))

else := "volume-request" if requested(mount) != ""

else := "root" if mount.source == "/"

else := "dev" if vendors(mount.source, false) != set()

else := "disk" if nodes.disk(mount.source)

else := "socket" if is_socket(mount.source, project_directory)

else := "proc-sys" if {
	not mount.read_only
	some directory in ["/proc", "/sys"]
	nodes.below(mount.source, directory)
}

else := "runtime-config" if {
	not mount.read_only
	some directory, _ in data.policyd.tables.runtime_config
	nodes.below(mount.source, directory)
}

is_pipe(source) if {
	contains(source, "pipe")
	regex.match(`^[/\\]+([.][/\\]+)?pipe[/\\]`, source)
	data.policyd.tables.sockets.pipes[regex.replace(source, `^.*[/\\]`, "")]
}

# requested is what a volume request asks for: "all", "0", "imex/0", "cdi/nvidia.com/gpu/0"; "" if
# the mount is none. The toolkit tests a bare prefix of the target.
requested(mount) := trim_prefix(substring(mount.target, count(request_root), -1), "/") if {
	mount.source_raw == "/dev/null"
	startswith(mount.target, request_root)
}

else := ""

is_socket(path, _) if data.policyd.tables.sockets.paths[path]

is_socket(path, _) if data.policyd.tables.sockets.directories[path]

is_socket(path, _) if {
	startswith(path, "/run/user/")
	regex.match(`^/run/user/[0-9]+(/podman|/docker)?$`, path)
}

is_socket(path, project_directory) if {
	data.policyd.tables.sockets.names[regex.replace(path, `^.*/`, "")]
	not nodes.below(path, project_directory)
}

# vendors of the devices that lie at a clean host path, or below it.
vendors(path, beside_kfd) := {vendor} if {
	some directory, vendor in data.policyd.tables.driver_directories
	path == directory
}

else := {vendor} if {
	some directory, vendor in data.policyd.tables.driver_trees
	nodes.below(path, directory)
}

else := nodes.vendors(path, beside_kfd)
