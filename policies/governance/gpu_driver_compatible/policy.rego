# METADATA
# title: Driver or GPU that the host does not have
# description: "The inventory says that the host of the review cannot run what a service asks for:
#   its driver is too old for the CUDA version in the tag of a well-known image, or does not meet
#   NVIDIA_REQUIRE_CUDA; or it does not have a GPU that the service names, or so many of them. About
#   a host that is not in the inventory there is nothing to say, unless `require_inventory` is set."
# custom:
#   id: gpu-driver-compatible
#   severity: medium
#   remediation: "Take an image of an older CUDA version, name GPUs of that host, or deploy to a
#     host that has them; `policyd inventory collect` there brings the inventory up to date."
#   references:
#     - "CUDA Toolkit release notes: CUDA Toolkit and corresponding driver versions"
#     - "CUDA Compatibility: minor version compatibility"
#     - "NVIDIA Container Toolkit: NVIDIA_REQUIRE_CUDA"
#   parameters:
#     minor_version_compatibility:
#       type: boolean
#       default: true
#       description: "Whether a driver of the same major version of CUDA will do, as it does from
#         CUDA 11 on; else the driver that the very version came with is wanted."
#     require_inventory:
#       type: boolean
#       default: false
#       description: Whether GPUs on a host that is not in the inventory are reported.
#   environment:
#     - "NVIDIA_REQUIRE_*"
#     - CUDA_VERSION
#     - NVIDIA_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
package policyd.policies.gpu_driver_compatible

import data.policyd.lib.cuda
import data.policyd.lib.environment
import data.policyd.lib.gpus
import data.policyd.lib.hosts
import data.policyd.lib.requirements
import data.policyd.lib.routes
import data.policyd.lib.versions
import data.policyd.lib.workload

vendors := {"nvidia", "unknown"}

# granted holds the workloads that may get a GPU of NVIDIA.
granted contains w if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.vendor in vendors
}

violation contains object.union(workload.finding(w, [], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	c.parameters.require_inventory
	not hosts.is_known
	some w in granted
	msg := sprintf("service %s is granted a GPU, and %s", [w.name, unknown_host])
}

unknown_host := "the review names no host" if input.review.source.host == ""

else := sprintf("the host %s is not in the inventory", [input.review.source.host])

# --- CUDA versions --------------------------------------------------------------------------------

violation contains object.union(workload.finding(w, ["image"], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	some w in granted
	some version in cuda.of_image(w.image)
	needed := cuda.missing(hosts.reviewed, version, c.parameters.minor_version_compatibility)
	msg := sprintf("service %s runs CUDA %s by its image, which needs %s: %s", [w.name, version, driver(needed, version), has])
}

# An image that says CUDA_VERSION without NVIDIA_REQUIRE_CUDA asks for that version.
violation contains object.union(workload.at(w, path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	some w in granted
	env := environment.of[w.name]
	version := env.CUDA_VERSION
	is_string(version)
	object.get(env, "NVIDIA_REQUIRE_CUDA", "") in {"", null}
	needed := cuda.missing(hosts.reviewed, version, c.parameters.minor_version_compatibility)
	path := environment.path(w, "CUDA_VERSION")
	msg := sprintf("service %s has CUDA_VERSION=%s, which needs %s: %s", [w.name, version, driver(needed, version), has])
}

driver("", version) := sprintf("a driver for CUDA %s", [version])

driver(needed, _) := sprintf("the driver %s", [needed]) if needed != ""

has := sprintf("the host %s has %s (CUDA %s)", [
	input.review.source.host,
	hosts.reviewed.driver_version,
	hosts.reviewed.cuda_version,
])

# --- NVIDIA_REQUIRE_… -----------------------------------------------------------------------------

violation contains object.union(workload.at(w, path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	some w in granted
	some name, value in environment.of[w.name]
	startswith(name, "NVIDIA_REQUIRE_")
	not startswith(name, "NVIDIA_REQUIRE_JETPACK")
	is_string(value)
	some facts in facts_of[w.name]
	not requirements.met(value, facts)
	path := environment.path(w, name)
	msg := sprintf("service %s asks for %s (%s): %s%s", [w.name, condition(value), name, has, brand(facts)])
}

condition(value) := shown(first) if {
	[terms] := requirements.alternatives(value)
	first := concat(",", terms)
}

condition(value) := sprintf("%s or one of %d alternatives", [shown(first), count(all) - 1]) if {
	all := requirements.alternatives(value)
	count(all) > 1
	first := concat(",", all[0])
}

shown(terms) := terms if regex.match(`^[!-~]{1,80}$`, terms)

else := "a condition"

brand(facts) := sprintf(", brand %s", [facts.brand]) if facts.brand != ""

else := ""

# facts_of[service] are the facts about each GPU that it gets, or about the host when it has none.
facts_of := {w.name: facts |
	some w in granted
	facts := {{
		"cuda": versions.parse(hosts.reviewed.cuda_version),
		"driver": versions.parse(hosts.reviewed.driver_version),
		"brand": lower(object.get(gpu, "brand", "")),
		"arch": arch(object.get(gpu, "compute_capability", "")),
	} |
		some gpu in used(w)
	}
}

arch(capability) := [] if capability == ""

arch(capability) := data.policyd.lib.versions.parse(capability) if capability != ""

# used are the GPUs that the service names or counts, or all where that is not known.
used(w) := chosen if {
	chosen := named(w) | first(w)
	chosen != set()
	not unbounded(w)
}

else := {gpu | some gpu in data.policyd.lib.hosts.reviewed.gpus} if count(data.policyd.lib.hosts.reviewed.gpus) > 0

else := {{}}

unbounded(w) if {
	some route in data.policyd.lib.routes.of[w.name]
	route.devices == "all"
	route.vendor in vendors
}

named(w) := {found.gpu |
	some route in data.policyd.lib.routes.of[w.name]
	route.vendor == "nvidia"
	some id in data.policyd.lib.gpus.named(route)
	some found in data.policyd.lib.hosts.find(id)
}

# first are the GPUs that a count takes: the engine turns it into the indexes from 0 on.
first(w) := {gpu |
	some route in data.policyd.lib.routes.of[w.name]
	route.vendor == "nvidia"
	some gpu in data.policyd.lib.hosts.reviewed.gpus
	gpu.index < data.policyd.lib.gpus.counted(route)
}

# --- GPUs -----------------------------------------------------------------------------------------

violation contains object.union(workload.at(w, route.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	hosts.is_known
	some w in input.workloads
	some route in routes.of[w.name]
	route.vendor == "nvidia"
	absent := [id | some id in gpus.named(route); not contains(id, "/"); hosts.find(id) == set()]
	absent != []
	msg := sprintf("service %s names GPU %s, which the host %s does not have: %s", [w.name, concat(", ", absent), input.review.source.host, inventory])
}

violation contains object.union(workload.at(w, route.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	hosts.is_known
	some w in input.workloads
	some route in routes.of[w.name]
	route.vendor == "nvidia"
	route.method in gpus.selecting
	gpus.counted(route) > count(hosts.reviewed.gpus)
	msg := sprintf("service %s asks for %d GPUs, more than the host %s has: %s", [w.name, gpus.counted(route), input.review.source.host, inventory])
}

inventory := "it has none" if hosts.reviewed.gpus == []

else := sprintf("it has %s", [concat(", ", listed)]) if {
	listed := [sprintf("%d (%s)", [gpu.index, gpu.uuid]) | some gpu in hosts.reviewed.gpus]
}
