# METADATA
# title: GPU requested by a mount of /dev/null
# description: "The NVIDIA runtime reads mounts of /dev/null below
#   /var/run/nvidia-container-devices as requests for GPUs, before the environment."
# custom:
#   id: no-gpu-via-volume-request
#   severity: high
#   remediation: "Declare the GPU as a reservation."
#   references:
#     - "NVIDIA Container Toolkit user guide: accept-nvidia-visible-devices-as-volume-mounts"
package policyd.policies.no_gpu_via_volume_request

import data.policyd.lib.mounts
import data.policyd.lib.workload

violation contains workload.at(w, found.mount.path, msg) if {
	some w in input.workloads
	some found in mounts.by_workload[w.name]
	found.class == "volume-request"
	not startswith(mounts.requested(found.mount), "imex/")
	msg := sprintf("service %s requests a GPU by mounting /dev/null at %s", [w.name, found.mount.target])
}
