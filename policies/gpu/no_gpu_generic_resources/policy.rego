# METADATA
# title: GPU as a Swarm generic resource
# description: "A generic resource of Swarm names accelerators without a driver. Each node decides which
#   device it is."
# related_resources:
#   - ref: https://docs.docker.com/reference/cli/docker/service/create/#generic-resources
#     description: "Docker Swarm, generic resources"
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html
#     description: "NVIDIA Container Toolkit, swarm-resource"
# custom:
#   id: no-gpu-generic-resources
#   severity: low
#   remediation: "Replace the resource with a reservation: `driver: nvidia` with `device_ids:
#     ['0']`."
package policyd.policies.no_gpu_generic_resources

import data.policyd.lib.workload

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method == "generic-resource"
	msg := sprintf("%s reserves accelerators as the generic resource %s", [w.title, grant.text])
}
