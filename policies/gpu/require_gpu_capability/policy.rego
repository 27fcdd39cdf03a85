# METADATA
# title: Device reservation without the capability gpu
# description: "A reservation that lacks the capability gpu asks for something else than a GPU in
#   name, and is given one all the same: drivers match on any capability that they own, and on an
#   empty list."
# custom:
#   id: require-gpu-capability
#   severity: medium
#   remediation: "Add `capabilities: [gpu]`."
#   references:
#     - "Compose Deploy Specification: devices.capabilities"
#     - "moby daemon/internal/capabilities: Match"
package policyd.policies.require_gpu_capability

import data.policyd.lib.routes
import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	some request in w.device_requests
	request.source == "reservation"
	request.driver != "cdi"
	routes.requested(request) != []
	not "gpu" in request.capabilities
	path := array.concat(request.path, ["capabilities"])
	msg := sprintf(
		"service %s reserves devices (%s) with capabilities [%s], and gpu is not among them",
		[w.name, routes.request_text(request), concat(", ", request.capabilities)],
	)
}
