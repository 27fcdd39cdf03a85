# METADATA
# title: Loader variable of a GPU service
# description: "The hooks of a GPU runtime run programs while the container is prepared. A variable of the
#   dynamic loader, which the project or its image sets, made them load a library of the container on hosts
#   without the fix of CVE-2025-23266."
# related_resources:
#   - ref: https://nvidia.custhelp.com/app/answers/detail/a_id/5659
#     description: "NVIDIA security bulletin: CVE-2025-23266"
#   - ref: https://man7.org/linux/man-pages/man8/ld.so.8.html
#     description: "ld.so(8)"
# custom:
#   id: no-gpu-loader-variables
#   severity: high
#   remediation: "Remove the variable, or set it in the command: `sh -c 'LD_PRELOAD=… exec program'`."
#   environment: [LD_*]
#   parameters:
#     variables:
#       type: array
#       items: {type: string}
#       default: [LD_PRELOAD, LD_AUDIT]
#       description: "The variables that are reported. Images for GPUs often set LD_LIBRARY_PATH."
package policyd.policies.no_gpu_loader_variables

import data.policyd.lib.environment
import data.policyd.lib.gpus
import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-gpu-loader-variables"]
	some w in input.workloads
	gpus.granted(w) != []
	env := environment.by_workload[w.name]
	some name in c.parameters.variables
	not object.get(env, name, "") in {"", null}
	msg := sprintf("%s gets a GPU and sets the loader variable %s", [w.title, name])
	found := workload.at(w, environment.path(w, name), msg)
}
