package policyd.lib.mounts

# by_workload[name] lists the mounts of a workload that reach into the host, each with its class: pipe,
# volume-request, root, dev, disk, engine-socket, service-socket, proc-sys, runtime-config or system.
# policyd classifies mounts, so that one policy reports a mount: `host_class` of a mount.
by_workload[w.name] := classified(w) if some w in input.workloads

classified(w) := [{"class": mount.host_class, "mount": mount} |
	some mount in w.mounts
	object.get(mount, "host_class", "") != ""
]

# requested is the content of a volume request: "all", "0", "imex/0", "cdi/nvidia.com/gpu/0". It is "" for
# any other mount.
requested(mount) := object.get(mount, "request", "")
