# METADATA
# title: Socket of a GPU daemon
# description: "The container shares the control pipes of a GPU daemon of the host, such as MPS or the
#   persistence daemon, with other containers. A client of MPS shares the faults and the memory of all
#   clients of the same user."
# related_resources:
#   - ref: https://docs.nvidia.com/deploy/mps/index.html
#     description: "NVIDIA Multi-Process Service"
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
# custom:
#   id: no-gpu-daemon-mounts
#   severity: medium
#   remediation: "Remove the mount, and run the daemon and its clients in one project, with a volume of
#     their own."
#   parameters:
#     paths:
#       type: array
#       items: {type: string}
#       default:
#         - /tmp/nvidia-mps
#         - /tmp/nvidia-log
#         - /run/nvidia-persistenced
#         - /run/nvidia-fabricmanager
#         - /run/nvidia-imex
#         - /run/nvidia-topologyd
#         - /run/nvidia/mps
#       description: Paths of the daemons, as they are after /var/run is replaced by /run.
package policyd.policies.no_gpu_daemon_mounts

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-gpu-daemon-mounts"]
	some w in input.workloads
	some mount in w.mounts
	mount.type == "bind"
	some path in c.parameters.paths
	holds(path, mount.source)
	msg := sprintf("%s mounts %s, which GPU services of the host share", [w.title, mount.source])
	found := workload.at(w, mount.path, msg)
}

# holds is true for a folder and a mount that is it, lies below it, or contains it.
holds(folder, source) if startswith(concat("", [source, "/"]), concat("", [folder, "/"]))

holds(folder, source) if startswith(folder, concat("", [source, "/"]))
