# METADATA
# title: Shared memory of a GPU service
# description: "A workload that gets a GPU has less shared memory than the workers of a training need, or more
#   than the host can spare. Shared memory is memory of the host, and without a size it can take half of it."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#shm_size
#     description: "Compose file reference: shm_size"
#   - ref: https://docs.pytorch.org/docs/stable/multiprocessing.html
#     description: "PyTorch: multiprocessing"
# custom:
#   id: gpu-shared-memory
#   severity: low
#   remediation: "Set `shm_size` within the bounds, such as `shm_size: 8gb`, and no `tmpfs` on /dev/shm
#     without a size."
#   parameters:
#     min_bytes:
#       type: integer
#       minimum: 0
#       default: 0
#       description: "The least shared memory, in bytes. 0: any."
#     max_bytes:
#       type: integer
#       minimum: 0
#       default: 68719476736
#       description: "The most shared memory, in bytes. 0: any."
package policyd.policies.gpu_shared_memory

import data.policyd.lib.gpus
import data.policyd.lib.workload

violation contains object.union(workload.finding(w, ["shm_size"], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-shared-memory"]
	some w in workload.containers
	gpus.granted(w) != []
	size := to_number(workload.keys(w).shm_size)
	not is_within(size, c.parameters)
	msg := sprintf("%s gets a GPU and %d bytes of shared memory; allowed are %s", [w.title, size, bounds(c.parameters)])
}

# The engine gives 64 MiB to a container whose shm_size is not set.
violation contains object.union(workload.finding(w, [], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-shared-memory"]
	c.parameters.min_bytes > 67108864
	some w in workload.containers
	gpus.granted(w) != []
	not workload.keys(w).shm_size
	not has_own(w)
	w.ipc in {"", "private", "shareable"}
	msg := sprintf("%s gets a GPU and has no shm_size, so 64 MiB of shared memory; allowed are %s", [
		w.title,
		bounds(c.parameters),
	])
}

violation contains object.union(workload.at(w, mount.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-shared-memory"]
	c.parameters.max_bytes > 0
	some w in workload.containers
	gpus.granted(w) != []
	some mount in w.tmpfs
	is_shared_memory(mount.target)
	not has_size(mount.options)
	msg := sprintf("%s gets a GPU and has a tmpfs on /dev/shm without a size", [w.title])
}

is_within(size, limits) if {
	size >= limits.min_bytes
	is_below(size, limits.max_bytes)
}

is_below(_, most) if most == 0

is_below(size, most) if size <= most

bounds(limits) := sprintf("%d or more", [limits.min_bytes]) if limits.max_bytes == 0

else := sprintf("%d to %d", [limits.min_bytes, limits.max_bytes])

is_shared_memory(target) if trim_right(target, "/") == "/dev/shm"

has_size(options) if {
	some option in options
	startswith(option, "size=")
}

has_own(w) if {
	some mount in array.concat(w.tmpfs, w.mounts)
	is_shared_memory(mount.target)
}
