# METADATA
# title: GPU selection that depends on an unset variable
# description: "A runtime, a device or a selection uses a variable that has neither a value nor a default
#   here. Whoever deploys the project decides which GPUs it gets, after the evaluation."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/interpolation/
#     description: "Compose Specification, interpolation"
# custom:
#   id: no-unresolved-gpu-selection
#   severity: high
#   remediation: "Write the value, give the variable a default, or set the variable for the
#     evaluation."
package policyd.policies.no_unresolved_gpu_selection

import data.policyd.lib.workload

violation contains workload.at(w, selector.path, msg) if {
	some w in input.workloads
	some selector in w.selectors
	selector.value == null
	msg := sprintf("%s passes %s through, which has no value here", [w.title, selector.name])
}

violation contains workload.at(w, use.path, msg) if {
	some use in input.unresolved
	some w in input.workloads
	array.slice(use.path, 0, count(w.path)) == w.path
	selects(array.slice(use.path, count(w.path), count(use.path)))
	msg := unset(w, use)
}

violation contains workload.at(w, use.path, msg) if {
	some use in input.unresolved
	some w in input.workloads
	some selector in w.selectors
	selector.path == use.path
	not is_dockerfile(use.path)
	msg := unset(w, use)
}

# Compose resolves variables in the inline Dockerfile, too. A blank selector shows that one was unset.
violation contains workload.at(w, use.path, msg) if {
	some use in input.unresolved
	is_dockerfile(use.path)
	some w in input.workloads
	some selector in w.selectors
	selector.path == use.path
	selector.value == ""
	msg := sprintf(
		"%s: %s is blank in its Dockerfile, which uses the variable %s without a value",
		[w.title, selector.name, use.variable],
	)
}

unset(w, use) := sprintf("%s: the variable %s of its GPU selection has no value and no default", [w.title, use.variable])

is_dockerfile(path) if path[count(path) - 1] == "dockerfile_inline"

selects(keys) if keys[0] in {"runtime", "gpus", "devices"}

selects(keys) if array.slice(keys, 0, 4) == ["deploy", "resources", "reservations", "devices"]
