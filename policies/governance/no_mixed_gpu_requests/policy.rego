# METADATA
# title: GPUs requested in two ways
# description: "The service requests GPUs in `gpus` and in `deploy.resources.reservations.devices`.
#   Compose hands over both, so the container gets what both ask for."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#gpus
#     description: "Compose file reference: gpus"
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#devices
#     description: "Compose Deploy Specification: devices"
# custom:
#   id: no-mixed-gpu-requests
#   severity: medium
#   remediation: "Keep one of the two, with the GPUs that the service needs."
package policyd.policies.no_mixed_gpu_requests

import data.policyd.lib.workload

violation contains workload.finding(w, ["gpus"], msg) if {
	some w in input.workloads
	sources := {request.source | some request in w.device_requests}
	sources == {"gpus", "reservation"}
	msg := sprintf("%s requests GPUs in gpus and in deploy.resources.reservations.devices", [w.title])
}
