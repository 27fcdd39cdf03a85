package policyd.lib.mounts

import data.policyd.lib.nodes

sockets := data.policyd.tables.sockets

driver_directories := data.policyd.tables.driver_directories

driver_trees := data.policyd.tables.driver_trees

request_root := "/var/run/nvidia-container-devices"

# of[service] lists the mounts that reach into the host, each with the one class that says how:
# pipe, volume-request, root, dev, disk, socket, proc-sys or runtime-config. The first class that
# fits counts, in that order.
of := {w.name: classified(w) | some w in input.workloads}

classified(w) := [{"class": class, "mount": mount} |
	some mount in w.mounts
	class := class_by_type(mount, w.project_directory)
]

class_by_type(mount, _) := "disk" if {
	mount.type == "filesystem"
	nodes.disk(mount.source)
}

class_by_type(mount, project_directory) := class_of(mount, project_directory) if {
	mount.type in {"bind", "npipe"}
	reaches_host(mount.source)
}

# reaches_host is true of every source that a class can fit, and false of most others, for speed.
reaches_host(source) if strings.any_prefix_match(concat("", [source, "/"]), host_prefixes)

reaches_host(source) if strings.any_suffix_match(source, socket_suffixes)

host_prefixes := ({"//", "/dev/", "/proc/", "/sys/", "/run/", "/pipe/", `\`} | config_prefixes) | driver_prefixes

config_prefixes := {concat("", [directory, "/"]) | some directory, _ in data.policyd.tables.runtime_config}

driver_prefixes := {concat("", [directory, "/"]) |
	some directories in [driver_directories, driver_trees]
	some directory, _ in directories
}

socket_suffixes := ({suffix | some name, _ in sockets.names; suffix := concat("", ["/", name])} | {path | some path, _ in sockets.paths}) | {directory | some directory, _ in sockets.directories}

class_of(mount, project_directory) := "pipe" if is_pipe(lower(mount.source))

else := "volume-request" if requested(mount) != ""

else := "root" if mount.source == "/"

else := "dev" if vendors(mount.source, false) != set()

else := "disk" if nodes.disk(mount.source)

else := "socket" if is_socket(mount.source, project_directory)

else := "proc-sys" if {
	not mount.read_only
	strings.any_prefix_match(concat("", [mount.source, "/"]), ["/proc/", "/sys/"])
}

else := "runtime-config" if {
	not mount.read_only
	strings.any_prefix_match(concat("", [mount.source, "/"]), config_prefixes)
}

is_pipe(source) if {
	regex.match(`^[/\\]+([.][/\\]+)?pipe[/\\]`, source)
	sockets.pipes[regex.replace(source, `^.*[/\\]`, "")]
}

# requested is what a volume request asks for: "all", "0", "imex/0", "cdi/nvidia.com/gpu/0"; "" if
# the mount is none. The toolkit tests a bare prefix of the target.
requested(mount) := trim_prefix(substring(mount.target, count(request_root), -1), "/") if {
	mount.source_raw == "/dev/null"
	startswith(mount.target, request_root)
}

else := ""

is_socket(path, _) if sockets.paths[path]

is_socket(path, _) if sockets.directories[path]

is_socket(path, _) if regex.match(`^/run/user/[0-9]+(/podman|/docker)?$`, path)

is_socket(path, project_directory) if {
	parts := split(path, "/")
	sockets.names[parts[count(parts) - 1]]
	not nodes.below(path, project_directory)
}

# vendors of the devices that lie at a clean host path, or below it.
vendors(path, beside_kfd) := {vendor} if vendor := driver_directories[path]

else := {vendor} if {
	some directory, vendor in driver_trees
	nodes.below(path, directory)
}

else := nodes.vendors(path, beside_kfd)
