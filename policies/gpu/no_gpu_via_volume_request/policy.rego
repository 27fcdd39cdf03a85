# METADATA
# title: GPU requested by a mount of /dev/null
# description: "The NVIDIA runtime takes a mount of /dev/null below /var/run/nvidia-container-devices for a
#   request for GPUs, and reads it before the environment."
# related_resources:
#   - ref: https://github.com/NVIDIA/nvidia-container-toolkit
#     description: "NVIDIA Container Toolkit, device list as volume mounts"
# custom:
#   id: no-gpu-via-volume-request
#   severity: high
#   remediation: "Remove the mount and declare the GPU as a reservation: `driver: nvidia` with
#     `device_ids: ['0']`."
package policyd.policies.no_gpu_via_volume_request

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.request != ""
	not startswith(mount.request, "imex/")
	msg := sprintf("%s requests a GPU by mounting /dev/null at %s", [w.title, mount.target])
}
