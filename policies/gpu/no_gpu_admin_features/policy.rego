# METADATA
# title: Administration of GPUs from a container
# description: "Variables and requests give a container the device nodes to configure MIG, to monitor all
#   GPUs, or to reach the fabric and the storage next to them."
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/
#     description: "NVIDIA Multi-Instance GPU user guide"
# custom:
#   id: no-gpu-admin-features
#   severity: high
#   remediation: "Remove the variable or the mount, and administer MIG and the fabric on the host."
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
import data.policyd.lib.workload

violation contains workload.at(w, environment.path(w, name), msg) if {
	some w in input.workloads
	some name, value in w.environment
	data.policyd.tables.admin_variables.any[name]
	msg := administers(w, name, value)
}

violation contains workload.at(w, environment.path(w, name), msg) if {
	some w in input.workloads
	w.build != null
	some name, value in w.build.environment
	data.policyd.tables.admin_variables.any[name]
	not name in object.keys(w.environment)
	msg := administers(w, name, value)
}

violation contains workload.at(w, environment.path(w, name), msg) if {
	some w in input.workloads
	some name, value in w.environment
	data.policyd.tables.admin_variables.enabled[name]
	value == "enabled"
	msg := enables(w, name)
}

violation contains workload.at(w, environment.path(w, name), msg) if {
	some w in input.workloads
	w.build != null
	some name, value in w.build.environment
	data.policyd.tables.admin_variables.enabled[name]
	value == "enabled"
	not name in object.keys(w.environment)
	msg := enables(w, name)
}

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	startswith(mount.request, "imex/")
	msg := sprintf("%s requests an IMEX channel by a mount at %s", [w.title, mount.target])
}

administers(w, name, value) := sprintf("%s administers GPUs: %s=%s", [w.title, name, value]) if {
	is_string(value)
	value != ""
}

enables(w, name) := sprintf("%s asks for the device nodes of %s=enabled", [w.title, name])
