# METADATA
# title: GPU as a Swarm generic resource
# description: "A generic resource of Swarm names accelerators without a driver; which device it
#   becomes is set on each node."
# custom:
#   id: no-gpu-generic-resources
#   severity: low
#   remediation: "Use a device reservation."
#   references:
#     - "Docker Swarm: generic resources"
#     - "NVIDIA Container Toolkit user guide: swarm-resource"
package policyd.policies.no_gpu_generic_resources

import data.policyd.lib.routes
import data.policyd.lib.workload

violation contains workload.at(w, route.path, msg) if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.method == "generic-resource"
	msg := sprintf("service %s reserves accelerators as the generic resource %s", [w.name, route.text])
}
