# METADATA
# title: One GPU for several containers
# description: "The same GPU is named by two services, twice by one service, or by a service with
#   several replicas: they share its memory and its time without isolation."
# custom:
#   id: no-shared-gpu-ids
#   severity: medium
#   remediation: "Give each service and replica a GPU of its own."
#   references:
#     - "NVIDIA Multi-Instance GPU user guide"
#   environment:
#     - NVIDIA_VISIBLE_DEVICES
#     - AMD_VISIBLE_DEVICES
#     - HABANA_VISIBLE_DEVICES
#     - ASCEND_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
package policyd.policies.no_shared_gpu_ids

import data.policyd.lib.cdi
import data.policyd.lib.routes
import data.policyd.lib.workload

methods := {"reservation", "gpus", "runtime", "cdi", "environment", "volume-request"}

# named[service] holds the id lists of a service, one for each vendor and method.
named[w.name] contains {"vendor": vendor, "method": method, "ids": ids, "path": own[0].path} if {
	some w in input.workloads
	routed := [route | some route in routes.of[w.name]; route.method in methods]
	some [vendor, method] in {[route.vendor, route.method] | some route in routed}
	own := [route | some route in routed; route.vendor == vendor; route.method == method]
	not any_all(method, own)
	ids := [id | some route in own; is_array(route.devices); some raw in route.devices; id := device(raw, vendor)]
	ids != []
}

# Entries of reservation and gpus stand for themselves; other methods add up, and "all" wins.
any_all(method, own) if {
	not method in {"reservation", "gpus"}
	some route in own
	route.devices == "all"
}

device(id, vendor) := cdi.device(id) if {
	vendor != "unknown"
	cdi.is_name(id)
	cdi.vendor(id) == vendor
}

else := id

# holders[vendor and id] are the services that name a GPU.
holders[gpu] contains service if {
	some service, lists in named
	some list in lists
	some id in list.ids
	gpu := key(list.vendor, id)
}

key(vendor, id) := concat("=", [vendor, id])

violation contains workload.at(w, list.path, msg) if {
	some w in input.workloads
	some list in named[w.name]
	some id in list.ids
	others := holders[key(list.vendor, id)] - {w.name}
	others != set()
	msg := sprintf("service %s names GPU %s, and so does %s", [w.name, id, concat(", ", others)])
}

violation contains workload.at(w, list.path, msg) if {
	some w in input.workloads
	some list in named[w.name]
	count(list.ids) != count({id | some id in list.ids})
	ordered := sort(list.ids)
	some i, id in ordered
	ordered[i + 1] == id
	msg := sprintf("service %s names GPU %s twice (%s)", [w.name, id, list.method])
}

violation contains workload.at(w, list.path, msg) if {
	some w in input.workloads
	w.replicas > 1
	some list in named[w.name]
	msg := sprintf(
		"service %s has %d replicas, and each gets the same GPU: %s",
		[w.name, w.replicas, concat(", ", list.ids)],
	)
}
