# METADATA
# title: All GPUs of the host
# description: "A service asks for every GPU, in whatever spelling: a count of all or below zero,
#   no count and no ids, the id all, a CDI name that ends in =all, a runtime without a selection.
#   It takes the GPUs of all others on the host, and those that are added later."
# custom:
#   id: no-all-gpus
#   severity: high
#   remediation: "Name the GPUs: `device_ids: ['0']`, or give a `count`."
#   references:
#     - "NVIDIA Container Toolkit user guide: GPU enumeration"
#     - "Docker Compose guide: GPU support"
#     - "CIS Docker Benchmark 5.17"
#   environment:
#     - NVIDIA_VISIBLE_DEVICES
#     - AMD_VISIBLE_DEVICES
#     - HABANA_VISIBLE_DEVICES
#     - ASCEND_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
#     - CUDA_VERSION
#     - NVIDIA_REQUIRE_CUDA
package policyd.policies.no_all_gpus

import data.policyd.lib.routes
import data.policyd.lib.workload

# Privileges, mounts, sockets, control group rules, nodes and builds have policies of their own.
methods := {"reservation", "gpus", "cdi", "environment", "runtime", "volume-request"}

violation contains workload.at(w, route.path, msg) if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.devices == "all"
	route.method in methods
	not unknown_runtime(route)
	msg := sprintf("service %s asks for every GPU of the host: %s", [w.name, route.text])
}

# What an unknown runtime gives is assumed, not asked for: see no-unvetted-runtime.
unknown_runtime(route) if {
	route.method == "runtime"
	route.vendor == "unknown"
}
