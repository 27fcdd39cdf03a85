# METADATA
# title: Driver or GPU that the host does not have
# description: "The inventory says that the host of the review cannot run what a service asks for. Three
#   questions are answered apart: is the container refused when it starts, because the driver or a GPU
#   does not meet NVIDIA_REQUIRE_… of the image and the host tests it; do CUDA programs work with the
#   driver; has the CUDA version of the image code for the GPU. For AMD and Intel Gaudi the driver is
#   compared with the one that the version of ROCm or of the Gaudi software needs. GPUs that the host
#   does not have are reported as well. Messages say what the answer is based on; 'may be refused' means
#   that the host, the path or the image is not known well enough. Nothing is reported about a host that
#   is not in the inventory, unless `require_inventory` is set."
# custom:
#   id: gpu-driver-compatible
#   severity: medium
#   remediation: "Use an image of an older CUDA version, name GPUs of that host, or deploy to a host that
#     has them. `policyd inventory collect` on the host updates the inventory."
#   references:
#     - "CUDA Toolkit release notes: CUDA Toolkit and corresponding driver versions (https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/)"
#     - "CUDA Compatibility (https://docs.nvidia.com/deploy/cuda-compatibility/)"
#     - "NVIDIA Container Toolkit: environment variables (https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html)"
#   parameters:
#     minor_version_compatibility:
#       type: boolean
#       default: true
#       description: "Whether any driver of the same major version of CUDA suffices, as NVIDIA promises
#         from CUDA 11 on. Otherwise the driver that came with the version is required."
#     report_possible:
#       type: boolean
#       default: true
#       description: Whether a workload that the host may be unable to run is reported.
#     require_check:
#       type: boolean
#       default: false
#       description: "Whether a workload that could not be checked is reported, because its image or its
#         version of CUDA is not known."
#     require_inventory:
#       type: boolean
#       default: false
#       description: Whether GPUs on a host that is not in the inventory are reported.
#   environment:
#     - "NVIDIA_REQUIRE_*"
#     - CUDA_VERSION
#     - NVIDIA_DISABLE_REQUIRE
#     - NVIDIA_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
package policyd.policies.gpu_driver_compatible

import data.policyd.lib.gpus
import data.policyd.lib.hosts
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

# --- what the host cannot run ---------------------------------------------------------------------

# policyd answers each question (`compatibility` of a workload): does NVIDIA_REQUIRE_… refuse the start,
# do CUDA programs work with the driver, has the toolkit code for the GPU, is another driver recent enough.
violation contains object.union(workload.at(w, answer.path, msg), {"constraint": c.name}) if {
	some c in input.constraints["gpu-driver-compatible"]
	some w in input.workloads
	some answer in w.compatibility
	is_asked(answer.question, c.parameters)
	is_reported(answer.outcome, c.parameters)
	msg := sprintf("%s %s", [w.title, answer.message])
}

is_asked(question, _) if not question in {"cuda", "cuda-exact"}

is_asked("cuda", parameters) if parameters.minor_version_compatibility

is_asked("cuda-exact", parameters) if not parameters.minor_version_compatibility

is_reported("fails", _) := true

is_reported("may-fail", parameters) if parameters.report_possible

is_reported("unknown", parameters) if parameters.require_check

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
