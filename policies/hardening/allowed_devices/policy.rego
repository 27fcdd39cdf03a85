# METADATA
# title: Device node that is not allowed
# description: "The container gets a device node of the host that is not in the list of the policy set.
#   Names of CDI devices are left to the policies for GPUs."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.18"
#   - ref: https://docs.docker.com/reference/compose-file/services/#devices
#     description: "Compose file reference: devices"
# custom:
#   id: allowed-devices
#   severity: medium
#   remediation: "Remove the entry from `devices`, or ask the owners of the policy set to allow the node."
#   parameters:
#     allowed:
#       type: array
#       items: {type: string}
#       default: []
#       description: Nodes that are allowed. A name that ends with a slash allows everything below it.
package policyd.policies.allowed_devices

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["allowed-devices"]
	some w in input.workloads
	some device in w.devices
	startswith(device.source, "/")
	not is_allowed(c.parameters.allowed, device.node)
	msg := sprintf("%s maps the device %s, which is not allowed", [w.title, device.node])
	found := workload.at(w, device.path, msg)
}

is_allowed(allowed, node) if node in allowed

is_allowed(allowed, node) if {
	some folder in allowed
	endswith(folder, "/")
	startswith(node, folder)
}
