# METADATA
# title: GPU selected by an environment variable
# description: "On a host whose default runtime gives accelerators, a variable is enough to get
#   them, past every reservation."
# custom:
#   id: no-gpu-via-environment
#   severity: high
#   remediation: "Declare the GPU as a reservation, and set `NVIDIA_VISIBLE_DEVICES: void`
#     elsewhere."
#   references:
#     - "NVIDIA Container Toolkit user guide: accept-nvidia-visible-devices-envvar-when-unprivileged = false"
#   environment:
#     - NVIDIA_VISIBLE_DEVICES
#     - AMD_VISIBLE_DEVICES
#     - HABANA_VISIBLE_DEVICES
#     - ASCEND_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
#     - CUDA_VERSION
#     - NVIDIA_REQUIRE_CUDA
package policyd.policies.no_gpu_via_environment

import data.policyd.lib.routes
import data.policyd.lib.workload

violation contains workload.at(w, route.path, msg) if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.method == "environment"
	msg := sprintf("service %s selects GPUs by its environment: %s", [w.name, route.text])
}
