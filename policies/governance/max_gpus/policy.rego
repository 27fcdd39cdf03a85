# METADATA
# title: More GPUs than the limit
# description: "A service, or the services of a project together, are granted more GPUs than a
#   limit. Counts and ids add up, times the replicas. A service that is granted all of them, or
#   devices that cannot be counted (by nodes, mounts, control group rules, privileges, sockets,
#   builds), is over any limit."
# custom:
#   id: max-gpus
#   severity: high
#   remediation: "Ask for fewer GPUs or replicas, by `count` or `device_ids`; or have the limit
#     raised."
#   references:
#     - "Kubernetes: resource quotas for extended resources"
#   parameters:
#     limit:
#       type: integer
#       minimum: 0
#       default: 4
#       description: How many GPUs all services of a project may be granted together.
#     service_limit:
#       type: integer
#       minimum: -1
#       default: -1
#       description: "How many one service may be granted. -1: as many as the project."
#   environment:
#     - NVIDIA_VISIBLE_DEVICES
#     - AMD_VISIBLE_DEVICES
#     - HABANA_VISIBLE_DEVICES
#     - ASCEND_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
package policyd.policies.max_gpus

import data.policyd.lib.gpus
import data.policyd.lib.routes
import data.policyd.lib.workload

# A Swarm generic resource says how many, too.
countable := gpus.selecting | {"generic-resource"}

# each[service] is how many GPUs one container of it is granted by count or by id.
each := {w.name: number |
	some w in input.workloads
	counts := [gpus.counted(route) | some route in routes.of[w.name]; route.method in countable]
	ids := {[route.vendor, id] | some route in routes.of[w.name]; some id in gpus.named(route)}
	number := sum(counts) + count(ids)
}

# in_all[service] is how many all of its containers are granted.
in_all := {w.name: number |
	some w in input.workloads
	number := gpus.bounded(w.replicas) * each[w.name]
}

service_limit(parameters) := parameters.limit if parameters.service_limit < 0

service_limit(parameters) := min([parameters.limit, parameters.service_limit]) if parameters.service_limit >= 0

violation contains object.union(workload.at(w, route.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["max-gpus"]
	some w in input.workloads
	some route in routes.of[w.name]
	what := beyond_counting(route)
	limit := service_limit(c.parameters)
	msg := sprintf("service %s is granted %s (%s), and the limit is %d", [w.name, what, route.text, limit])
}

violation contains object.union(workload.at(w, path, msg), {"constraint": c.name}) if {
	some c in input.constraints["max-gpus"]
	some w in input.workloads
	limit := service_limit(c.parameters)
	in_all[w.name] > limit
	path := min([route.path | some route in routes.of[w.name]; gives(route)])
	msg := sprintf("service %s is granted %s, and the limit is %d", [w.name, number_of(w), limit])
}

violation contains {"msg": msg, "service": "", "path": ["services"], "constraint": c.name} if {
	some c in input.constraints["max-gpus"]
	total := sum([number | some number in in_all])
	total > c.parameters.limit
	parts := [sprintf("%s (%d)", [name, number]) | some name, number in in_all; number > 0]
	count(parts) > 1
	msg := sprintf(
		"the services of the project are granted %d GPUs together, and the limit is %d: %s",
		[total, c.parameters.limit, concat(", ", parts)],
	)
}

beyond_counting(route) := "every GPU" if route.devices == "all"

else := "GPUs that cannot be counted" if not route.method in countable

gives(route) if gpus.counted(route) > 0

gives(route) if gpus.named(route) != []

number_of(w) := gpus_in_words(number) if {
	w.replicas == 1
	number := each[w.name]
}

else := sprintf("%d GPUs, %d in each of %d replicas", [total, number, w.replicas]) if {
	total := in_all[w.name]
	number := each[w.name]
}

gpus_in_words(1) := "1 GPU"

gpus_in_words(number) := sprintf("%d GPUs", [number]) if number != 1
