# METADATA
# title: Device node of an accelerator
# description: "A mapped node gives the device past its driver: no count, no selection, no
#   isolation, and nothing that names it as a GPU."
# custom:
#   id: no-raw-device-nodes
#   severity: high
#   remediation: "Reserve the device with its driver instead of the node."
#   references:
#     - "CIS Docker Benchmark 5.17"
#     - "Pod Security Standards, baseline: hostPath"
package policyd.policies.no_raw_device_nodes

import data.policyd.lib.routes
import data.policyd.lib.workload

violation contains workload.at(w, route.path, msg) if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.method == "device-node"
	msg := sprintf("service %s maps the device node %s", [w.name, route.text])
}
