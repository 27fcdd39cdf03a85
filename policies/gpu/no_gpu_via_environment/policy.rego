# METADATA
# title: GPU selected by an environment variable
# description: "On a host whose default runtime gives accelerators, an environment variable is enough to
#   get them without a reservation. The variable may be set by the service, by its Dockerfile, or by a
#   well-known image."
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
#     description: "NVIDIA Container Toolkit, environment variables"
# custom:
#   id: no-gpu-via-environment
#   severity: high
#   remediation: "Declare the GPU as a reservation, and set `NVIDIA_VISIBLE_DEVICES: void` where no GPU is
#     needed."
package policyd.policies.no_gpu_via_environment

import data.policyd.lib.workload

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method == "environment"
	msg := sprintf("%s selects GPUs by an environment variable: %s", [w.title, grant.text])
}

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method == "image"
	grant.certainty == "certain"
	msg := sprintf("the image of %s selects GPUs, and the default runtime of the host gives them: %s", [w.title, grant.text])
}
