# METADATA
# title: More GPUs than the limit
# description: "A service or a job, or all of a project together, get more GPUs than a limit. Counts and
#   GPUs that are named add up, multiplied by the replicas; two names of one GPU are one GPU. A service
#   counts with the larger number of itself and of each of its hooks. A workload that gets all GPUs, or
#   devices that cannot be counted (by device nodes, mounts, control group rules, privileges, sockets,
#   builds), exceeds any limit."
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/policy/resource-quotas/
#     description: "Kubernetes, quotas for extended resources"
# custom:
#   id: max-gpus
#   severity: high
#   remediation: "Ask for fewer GPUs or replicas, with `device_ids` or `count`; or have the limit raised."
#   parameters:
#     limit:
#       type: integer
#       minimum: 0
#       default: 4
#       description: The number of GPUs that all services and jobs of a project may get together.
#     service_limit:
#       type: integer
#       minimum: -1
#       default: -1
#       description: "The number of GPUs that one service or job may get. -1: as many as the project."
package policyd.policies.max_gpus

import data.policyd.lib.gpus
import data.policyd.lib.workload

# each[name] is the number of GPUs that one container of a workload gets by counts and by identities.
each := {w.name: number |
	some w in input.workloads
	counts := [gpus.counted(grant) | some grant in w.grants]
	ids := {[grant.vendor, id] | some grant in w.grants; some id in gpus.named(grant)}
	number := sum(counts) + count(ids)
}

# in_all[name] is the number of GPUs that all containers of a workload get.
in_all := {w.name: number |
	some w in input.workloads
	number := gpus.bounded(w.replicas) * each[w.name]
}

# by_service[name] is the number of GPUs of a service or job: its hooks run before it.
by_service := {w.service: number |
	some w in input.workloads
	w.kind != "hook"
	number := max({in_all[w.name]} | {in_all[hook.name] | some hook in hooks; hook.service == w.service})
}

hooks := [w | some w in input.workloads; w.kind == "hook"]

service_limit(parameters) := parameters.limit if parameters.service_limit < 0

service_limit(parameters) := min([parameters.limit, parameters.service_limit]) if parameters.service_limit >= 0

violation contains object.union(workload.at(w, grant.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["max-gpus"]
	some w in input.workloads
	some grant in gpus.granted(w)
	what := beyond_counting(grant)
	limit := service_limit(c.parameters)
	msg := sprintf("%s gets %s (%s), and the limit is %d", [w.title, what, grant.text, limit])
}

violation contains object.union(workload.at(w, path, msg), {"constraint": c.name}) if {
	some c in input.constraints["max-gpus"]
	some w in input.workloads
	limit := service_limit(c.parameters)
	in_all[w.name] > limit
	path := min([grant.path | some grant in w.grants; gives(grant)])
	msg := sprintf("%s gets %s, and the limit is %d", [w.title, number_of(w), limit])
}

violation contains {"msg": msg, "service": "", "path": ["services"], "constraint": c.name} if {
	some c in input.constraints["max-gpus"]
	total := sum([number | some number in by_service])
	total > c.parameters.limit
	parts := [sprintf("%s (%d)", [name, number]) | some name, number in by_service; number > 0]
	count(parts) > 1
	msg := sprintf(
		"the services and jobs of the project get %d GPUs together, and the limit is %d: %s",
		[total, c.parameters.limit, concat(", ", parts)],
	)
}

beyond_counting(grant) := "every GPU" if grant.devices == "all"

else := "GPUs that cannot be counted" if {
	not data.policyd.lib.gpus.is_selection(grant)
	not grant.method in {"generic-resource", "image"}
}

gives(grant) if data.policyd.lib.gpus.counted(grant) > 0

gives(grant) if data.policyd.lib.gpus.named(grant) != []

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
