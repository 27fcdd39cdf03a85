# METADATA
# title: Device reservation without the capability gpu
# description: "A device reservation does not have the capability gpu. It seems to ask for something else
#   than a GPU, but gets one: a driver matches any capability that it has, and an empty list."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#capabilities
#     description: "Compose Deploy Specification, capabilities"
#   - ref: https://github.com/moby/moby/tree/master/daemon/internal/capabilities
#     description: "moby, capabilities"
# custom:
#   id: require-gpu-capability
#   severity: medium
#   remediation: "Add `capabilities: [gpu]`."
package policyd.policies.require_gpu_capability

import data.policyd.lib.requests
import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	some request in w.device_requests
	request.source == "reservation"
	request.driver != "cdi"
	not "gpu" in request.capabilities
	grant := requests.selecting(w)[request.path]
	path := array.concat(request.path, ["capabilities"])
	msg := sprintf(
		"%s reserves devices (%s) with the capabilities [%s], without gpu",
		[w.title, grant.text, concat(", ", request.capabilities)],
	)
}
