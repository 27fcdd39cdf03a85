# METADATA
# title: Administration of GPUs from a container
# description: "Variables and requests that give a container the nodes to configure MIG, to
#   monitor all GPUs, or to reach the fabric and the storage beside them."
# custom:
#   id: no-gpu-admin-features
#   severity: high
#   remediation: "Administer MIG and the fabric on the host."
#   references:
#     - "NVIDIA Multi-Instance GPU user guide"
#   environment:
#     - NVIDIA_MIG_CONFIG_DEVICES
#     - NVIDIA_MIG_MONITOR_DEVICES
#     - NVIDIA_IMEX_CHANNELS
#     - NVIDIA_GDS
#     - NVIDIA_MOFED
#     - NVIDIA_NVSWITCH
#     - NVIDIA_GDRCOPY
package policyd.policies.no_gpu_admin_features

import data.policyd.lib.environment
import data.policyd.lib.mounts
import data.policyd.lib.workload

any_value := object.keys(data.policyd.tables.admin_variables.any)

enabled := object.keys(data.policyd.tables.admin_variables.enabled)

violation contains workload.at(w, environment.path(w, name), msg) if {
	some w in input.workloads
	env := environment.of[w.name]
	some name in (object.keys(env) & any_value)
	value := env[name]
	is_string(value)
	value != ""
	msg := sprintf("service %s administers GPUs: %s=%s", [w.name, name, value])
}

violation contains workload.at(w, environment.path(w, name), msg) if {
	some w in input.workloads
	env := environment.of[w.name]
	some name in (object.keys(env) & enabled)
	env[name] == "enabled"
	msg := sprintf("service %s asks for the nodes of %s=enabled", [w.name, name])
}

violation contains workload.at(w, found.mount.path, msg) if {
	some w in input.workloads
	some found in mounts.by_workload[w.name]
	found.class == "volume-request"
	startswith(mounts.requested(found.mount), "imex/")
	msg := sprintf("service %s requests an IMEX channel by a mount at %s", [w.name, found.mount.target])
}
