# METADATA
# title: GPU selection that depends on an unset variable
# description: "A runtime, a device or a selection is written with a variable that has no value
#   and no default here. What is granted is decided by whoever deploys, after the check."
# custom:
#   id: no-unresolved-gpu-selection
#   severity: high
#   remediation: "Write the value, give the variable a default, or set it for the check."
#   references:
#     - "Compose Specification: interpolation"
#   environment:
#     - NVIDIA_VISIBLE_DEVICES
#     - AMD_VISIBLE_DEVICES
#     - HABANA_VISIBLE_DEVICES
#     - ASCEND_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
package policyd.policies.no_unresolved_gpu_selection

import data.policyd.lib.environment
import data.policyd.lib.workload

violation contains workload.at(w, selector.path, msg) if {
	some w in input.workloads
	some selector in environment.selectors[w.name]
	selector.value == null
	msg := sprintf("service %s passes %s through, and it has no value here", [w.name, selector.name])
}

violation contains {"msg": msg, "service": use.path[1], "path": use.path} if {
	some use in input.unresolved
	use.path[0] == "services"
	selects(array.slice(use.path, 2, count(use.path)))
	msg := sprintf(
		"service %s: the variable %s of its GPU selection has no value and no default",
		[use.path[1], use.variable],
	)
}

# Compose resolves variables in the inline Dockerfile too: there, a blank selector is the trace.
violation contains workload.at(w, use.path, msg) if {
	some w in input.workloads
	some selector in environment.selectors[w.name]
	selector.value == ""
	some use in input.unresolved
	use.path == selector.path
	use.path[count(use.path) - 1] == "dockerfile_inline"
	msg := sprintf(
		"service %s: %s is blank in its Dockerfile, where the variable %s has no value",
		[w.name, selector.name, use.variable],
	)
}

selects(keys) if keys[0] in {"runtime", "gpus", "devices"}

selects(keys) if array.slice(keys, 0, 4) == ["deploy", "resources", "reservations", "devices"]

selects(["environment", name]) if environment.is_selector(name)

selects(["pre_start", _, "environment", name]) if environment.is_selector(name)
