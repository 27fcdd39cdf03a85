# METADATA
# title: The NVIDIA container runtime
# description: "Under this runtime the environment of the image and of the workload selects the GPUs. The
#   device requests do not show which GPUs the workload gets."
# related_resources:
#   - ref: https://docs.docker.com/compose/how-tos/gpu-support/
#     description: "Docker Compose, GPU support"
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
#     description: "NVIDIA Container Toolkit"
# custom:
#   id: no-nvidia-runtime
#   severity: medium
#   remediation: "Replace `runtime:` with a reservation: `driver: nvidia` with `device_ids: ['0']`."
package policyd.policies.no_nvidia_runtime

import data.policyd.lib.workload

violation contains workload.finding(w, ["runtime"], msg) if {
	some w in input.workloads
	w.runtime_class == "nvidia"
	msg := sprintf("%s runs under the NVIDIA runtime %s", [w.title, w.runtime])
}
