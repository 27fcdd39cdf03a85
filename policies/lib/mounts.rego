package policyd.lib.mounts

import data.policyd.lib.nodes

sockets := data.policyd.tables.sockets

service_sockets := data.policyd.tables.service_sockets

driver_directories := data.policyd.tables.driver_directories

driver_trees := data.policyd.tables.driver_trees

system_directories := data.policyd.tables.system_directories

system_trees := data.policyd.tables.system_trees

request_root := "/var/run/nvidia-container-devices"

# by_workload[name] lists the mounts of a workload that reach into the host, each with its class: pipe,
# volume-request, root, dev, disk, engine-socket, service-socket, proc-sys, runtime-config or system.
# A mount has the first class in this order that matches, so that one policy reports it.
by_workload[w.name] := classified(w) if some w in input.workloads

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

# reaches_host is true for every source that can have a class, and false for most others. It is there
# for speed: most mounts are folders of the project.
reaches_host(source) if strings.any_prefix_match(concat("", [source, "/"]), host_prefixes)

reaches_host(source) if strings.any_suffix_match(source, socket_suffixes)

reaches_host(source) if system_directories[source]

reaches_host(source) if source in config_parents

host_prefixes := union({
	{"//", "/dev/", "/proc/", "/sys/", "/run/", "/pipe/", `\`},
	config_prefixes,
	system_prefixes,
	below_all(driver_directories),
	below_all(driver_trees),
	below_all(service_sockets.paths),
})

config_prefixes := below_all(data.policyd.tables.runtime_config)

system_prefixes := below_all(system_trees)

below_all(table) := {concat("", [directory, "/"]) | some directory, _ in table}

# config_parents are the folders that contain a path of the table runtime_config. The folders / and
# /run have classes of their own.
config_parents contains concat("/", array.slice(parts, 0, length)) if {
	some directory, _ in data.policyd.tables.runtime_config
	parts := split(directory, "/")
	some length in numbers.range(2, count(parts) - 1)
}

socket_suffixes := union({
	{concat("", ["/", name]) | some name, _ in sockets.names},
	object.keys(sockets.paths),
	object.keys(sockets.directories),
})

class_of(mount, project_directory) := "pipe" if is_pipe(lower(mount.source))

else := "volume-request" if requested(mount) != ""

else := "root" if mount.source == "/"

else := "dev" if vendors(mount.source, false) != set()

else := "disk" if is_disk(mount)

else := "engine-socket" if is_socket(mount.source, project_directory)

else := "service-socket" if is_service_socket(mount.source)

else := class_if_writable(mount.source) if not mount.read_only

class_if_writable(source) := "proc-sys" if strings.any_prefix_match(concat("", [source, "/"]), ["/proc/", "/sys/"])

else := "runtime-config" if holds_config(source)

else := "system" if is_system(source)

is_pipe(source) if {
	regex.match(`^[/\\]+([.][/\\]+)?pipe[/\\]`, source)
	sockets.pipes[regex.replace(source, `^.*[/\\]`, "")]
}

# requested is the content of a volume request: "all", "0", "imex/0", "cdi/nvidia.com/gpu/0". It is "" for
# any other mount. The toolkit tests a bare prefix of the target.
requested(mount) := trim_prefix(substring(mount.target, count(request_root), -1), "/") if {
	mount.source_raw == "/dev/null"
	startswith(mount.target, request_root)
}

else := ""

# is_disk does not hold for the folders of links to disks when they are read-only: the targets of the
# links are not in the container.
is_disk(mount) if {
	nodes.disk(mount.source)
	not is_folder_of_links(mount)
}

is_folder_of_links(mount) if {
	mount.read_only
	regex.match(`^/dev/disk(/by-[^/]+)?$`, mount.source)
}

is_socket(path, _) if sockets.paths[path]

is_socket(path, _) if sockets.directories[path]

is_socket(path, _) if regex.match(`^/run/user/[0-9]+(/podman|/docker)?$`, path)

is_socket(path, project_directory) if {
	parts := split(path, "/")
	sockets.names[parts[count(parts) - 1]]
	not nodes.below(path, project_directory)
}

is_service_socket(path) if service_sockets.paths[path]

is_service_socket(path) if {
	regex.match(`^/run/user/[0-9]+/`, path)
	service_sockets.user_paths[regex.replace(path, `^/run/user/[0-9]+/`, "")]
}

holds_config(source) if strings.any_prefix_match(concat("", [source, "/"]), config_prefixes)

holds_config(source) if source in config_parents

is_system(source) if system_directories[source]

is_system(source) if strings.any_prefix_match(concat("", [source, "/"]), system_prefixes)

# vendors of the devices at the clean host path `path`, or below it.
vendors(path, beside_kfd) := {vendor} if vendor := driver_directories[path]

else := {vendor} if {
	some directory, vendor in driver_trees
	nodes.below(path, directory)
}

else := nodes.vendors(path, beside_kfd)
