# METADATA
# title: Device request without a driver
# description: "A device request does not name a driver. The engine takes any driver of the host that has
#   the capabilities."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#devices
#     description: "Compose Deploy Specification, devices"
#   - ref: https://github.com/moby/moby/blob/master/daemon/devices.go
#     description: "moby, handleDevice"
# custom:
#   id: require-gpu-driver
#   severity: medium
#   remediation: "Add `driver: nvidia`."
package policyd.policies.require_gpu_driver

import data.policyd.lib.requests
import data.policyd.lib.workload

violation contains workload.at(w, request.path, msg) if {
	some w in input.workloads
	some request in w.device_requests
	request.driver == ""
	grant := requests.selecting(w)[request.path]
	msg := sprintf("%s requests devices (%s) and does not name a driver", [w.title, grant.text])
}
