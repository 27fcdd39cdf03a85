# METADATA
# title: GPU service without limits
# description: "A workload that gets a GPU has no limit on its memory or on its CPUs, or a limit above the
#   maximum. It can take these resources from all others on the GPU host."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.11, 5.12"
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#resources
#     description: "Compose Deploy Specification, resources"
# custom:
#   id: gpu-service-limits
#   severity: medium
#   remediation: "Set `deploy.resources.limits.memory` and `deploy.resources.limits.cpus`."
#   parameters:
#     required:
#       type: array
#       items: {type: string, enum: [memory, cpus]}
#       default: [memory, cpus]
#       description: Which limits must be set.
#     max_memory:
#       type: integer
#       minimum: 0
#       default: 0
#       description: "The largest limit of memory, in bytes. 0: any."
#     max_cpus:
#       type: integer
#       minimum: 0
#       default: 0
#       description: "The largest limit of CPUs. 0: any."
package policyd.policies.gpu_service_limits

import data.policyd.lib.gpus
import data.policyd.lib.workload

granted := [w | some w in input.workloads; gpus.granted(w) != []]

violation contains object.union(workload.finding(w, [], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-service-limits"]
	some w in granted
	missing := [name | some name in c.parameters.required; limit(w, name) == 0]
	missing != []
	msg := sprintf("%s gets a GPU and has no limit on its %s", [w.title, concat(" and ", missing)])
}

violation contains object.union(workload.finding(w, keys, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-service-limits"]
	some w in granted
	c.parameters.max_memory > 0
	w.memory_limit > c.parameters.max_memory
	keys := where(w, "memory")
	msg := sprintf(
		"%s gets a GPU and may use %d bytes of memory; the maximum is %d",
		[w.title, w.memory_limit, c.parameters.max_memory],
	)
}

violation contains object.union(workload.finding(w, keys, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-service-limits"]
	some w in granted
	c.parameters.max_cpus > 0
	w.cpu_limit > c.parameters.max_cpus * 1000000000
	keys := where(w, "cpus")
	msg := sprintf("%s gets a GPU and may use more than %d CPUs", [w.title, c.parameters.max_cpus])
}

limit(w, "memory") := w.memory_limit

limit(w, "cpus") := w.cpu_limit

# where is the path of a limit below the workload.
where(w, name) := ["deploy", "resources", "limits", name] if {
	w.kind == "service"
	some key, _ in input.project.services[w.name].deploy.resources.limits
	key == name
}

else := [short] if short := short_name(name)

short_name("memory") := "mem_limit"

short_name("cpus") := "cpus"
