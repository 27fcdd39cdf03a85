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
import data.policyd.lib.workload

vendors := {"nvidia", "unknown"}

# granted holds the workloads that may get a GPU of NVIDIA.
granted := [w |
	some w in input.workloads
	{grant.vendor | some grant in gpus.granted(w)} & vendors != set()
]

violation contains object.union(workload.finding(w, [], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	c.parameters.require_inventory
	not hosts.is_known
	some w in granted
	msg := sprintf("%s gets a GPU, and %s", [w.title, unknown_host])
}

unknown_host := "the review names no host" if input.review.source.host == ""

else := sprintf("the host %s is not in the inventory", [input.review.source.host])

# --- CUDA versions --------------------------------------------------------------------------------

violation contains object.union(workload.finding(w, ["image"], msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	some w in granted
	some [version, minor, needed] in outdated[w.image]
	minor == c.parameters.minor_version_compatibility
	msg := sprintf("%s runs CUDA %s by its image, which needs %s: %s", [w.title, version, driver(needed, version), has])
}

# outdated[image] says which versions of CUDA the host cannot run, and the driver that they need, with
# minor version compatibility and without: services often share an image.
outdated := {image: found |
	some image in {w.image | some w in granted}
	found := {[version, minor, needed] |
		some version in cuda.of_image(image)
		some minor in [true, false]
		needed := cuda.missing(hosts.reviewed, version, minor)
	}
}

# An image that says CUDA_VERSION without NVIDIA_REQUIRE_CUDA asks for that version.
violation contains object.union(workload.at(w, path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	some w in granted
	env := environment.by_workload[w.name]
	version := env.CUDA_VERSION
	is_string(version)
	object.get(env, "NVIDIA_REQUIRE_CUDA", "") in {"", null}
	needed := cuda.missing(hosts.reviewed, version, c.parameters.minor_version_compatibility)
	path := environment.path(w, "CUDA_VERSION")
	msg := sprintf("%s has CUDA_VERSION=%s, which needs %s: %s", [w.title, version, driver(needed, version), has])
}

driver("", version) := sprintf("a driver for CUDA %s", [version])

driver(needed, _) := sprintf("the driver %s", [needed]) if needed != ""

has := sprintf("the host %s has the driver %s (CUDA %s)", [
	input.review.source.host,
	hosts.reviewed.driver_version,
	hosts.reviewed.cuda_version,
])

# --- NVIDIA_REQUIRE_… -----------------------------------------------------------------------------

violation contains object.union(workload.at(w, path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	some w in granted
	some [name, value] in required[w.name]
	some facts in unmet[value]
	facts in facts_of[w.name]
	path := environment.path(w, name)
	msg := sprintf("%s asks for %s (%s): %s%s", [w.title, first_of(value), which(name, value), has, brand(facts)])
}

# required[service] are the variables that ask for a driver or GPUs: name and value.
required := {w.name: found |
	some w in granted
	found := {[name, value] |
		some name, value in environment.by_workload[w.name]
		startswith(name, "NVIDIA_REQUIRE_")
		not startswith(name, "NVIDIA_REQUIRE_JETPACK")
		is_string(value)
	}
}

# unmet[value] are the facts for which a value is not met: services often share both.
unmet := {value: found |
	some [_, value] in {entry | some entries in required; some entry in entries}
	found := {facts |
		some facts in {one | some all in facts_of; some one in all}
		not requirements.met(value, facts)
	}
}

first_of(value) := shown(concat(",", requirements_of(value)[0]))

which(name, value) := name if count(requirements_of(value)) == 1

else := sprintf("%s, the first of %d alternatives", [name, number]) if number := count(requirements_of(value))

requirements_of(value) := data.policyd.lib.requirements.alternatives(value)

shown(terms) := terms if regex.match(`^[!-~]{1,80}$`, terms)

else := "a condition"

brand(facts) := sprintf(", brand %s", [facts.brand]) if facts.brand != ""

else := ""

# facts_of[service] are the facts about each GPU that it gets, or about a host that has none.
facts_of := {w.name: facts |
	some w in granted
	facts := {of_gpu[index] | some index in used(w)}
}

of_gpu[-1] := facts_about({}) if hosts.reviewed.gpus == []

of_gpu[gpu.index] := facts_about(gpu) if some gpu in hosts.reviewed.gpus

facts_about(gpu) := {
	"cuda": data.policyd.lib.versions.parse(data.policyd.lib.hosts.reviewed.cuda_version),
	"driver": data.policyd.lib.versions.parse(data.policyd.lib.hosts.reviewed.driver_version),
	"brand": lower(object.get(gpu, "brand", "")),
	"arch": arch(object.get(gpu, "compute_capability", "")),
}

arch(capability) := [] if capability == ""

arch(capability) := data.policyd.lib.versions.parse(capability) if capability != ""

# used are the indexes of the GPUs that a workload selects, or of all GPUs if that is not known.
used(w) := chosen if {
	chosen := selected(w)
	chosen != set()
	not unbounded(w)
}

else := object.keys(of_gpu)

unbounded(w) if {
	some grant in data.policyd.lib.gpus.granted(w)
	grant.devices == "all"
	grant.vendor in vendors
}

selected(w) := {data.policyd.lib.hosts.gpu_of[id].index |
	some grant in w.grants
	grant.vendor == "nvidia"
	data.policyd.lib.gpus.is_selection(grant)
	some id in grant.identities
	data.policyd.lib.hosts.has(id)
}

# --- GPUs -----------------------------------------------------------------------------------------

violation contains object.union(workload.at(w, grant.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	hosts.is_known
	some w in input.workloads
	some grant in w.grants
	grant.vendor == "nvidia"
	absent := [id | some id in gpus.named(grant); is_absent(id)]
	absent != []
	msg := sprintf("%s names GPU %s, which the host %s does not have: %s", [w.title, concat(", ", absent), input.review.source.host, inventory])
}

# A name with a slash is a CDI name of another vendor, or a MIG device in the form of old drivers.
is_absent(id) if {
	not contains(id, "/")
	not data.policyd.lib.hosts.has(id)
}

is_absent(id) if {
	startswith(id, "mig-gpu-")
	major := split(data.policyd.lib.hosts.reviewed.driver_version, ".")[0]
	to_number(major) >= 470
}

violation contains object.union(workload.at(w, grant.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	hosts.is_known
	some w in input.workloads
	some grant in w.grants
	grant.vendor == "nvidia"
	gpus.is_selection(grant)
	gpus.counted(grant) > count(hosts.reviewed.gpus)
	msg := sprintf("%s asks for %d GPUs, more than the host %s has: %s", [w.title, gpus.counted(grant), input.review.source.host, inventory])
}

inventory := "it has none" if hosts.reviewed.gpus == []

else := sprintf("it has %s", [concat(", ", listed)]) if {
	listed := [sprintf("%d (%s)", [gpu.index, gpu.uuid]) | some gpu in hosts.reviewed.gpus]
}
