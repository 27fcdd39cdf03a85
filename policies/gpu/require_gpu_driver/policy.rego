# METADATA
# title: Device request without a driver
# description: "A device request that names no driver is taken by any driver of the host whose
#   capabilities match."
# custom:
#   id: require-gpu-driver
#   severity: medium
#   remediation: "Add `driver: nvidia`."
#   references:
#     - "Compose Deploy Specification: devices.driver"
#     - "moby daemon/devices.go: handleDevice"
package policyd.policies.require_gpu_driver

import data.policyd.lib.routes
import data.policyd.lib.workload

violation contains workload.at(w, request.path, msg) if {
	some w in input.workloads
	some request in w.device_requests
	request.driver == ""
	routes.requested(request) != []
	msg := sprintf(
		"service %s requests devices (%s) without naming a driver: any driver may answer",
		[w.name, routes.request_text(request)],
	)
}
