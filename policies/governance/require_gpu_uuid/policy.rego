# METADATA
# title: GPU by its index
# description: "The index of a GPU can change when the host restarts or gets another card. A UUID, or a
#   CDI name with one, always names the same GPU."
# related_resources:
#   - ref: https://docs.nvidia.com/deploy/nvidia-smi/index.html
#     description: "nvidia-smi: the index is not consistent between reboots"
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#device_ids
#     description: "Compose Deploy Specification: device_ids"
# custom:
#   id: require-gpu-uuid
#   severity: low
#   remediation: "Name the UUID: `device_ids: ['GPU-…']`. `nvidia-smi -L` prints it."
package policyd.policies.require_gpu_uuid

import data.policyd.lib.workload

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method in {"reservation", "gpus", "cdi"}
	is_array(grant.devices)
	some device in grant.devices
	regex.match(`(^|=)[0-9]+(:[0-9]+)?$`, device)
	msg := sprintf("%s names a GPU by its index: %s", [w.title, device])
}
