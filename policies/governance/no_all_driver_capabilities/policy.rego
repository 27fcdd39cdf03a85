# METADATA
# title: All capabilities of the driver
# description: "With all capabilities, the container gets the libraries and the devices of the driver for
#   graphics, video and display, which computations do not need."
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
#     description: "NVIDIA Container Toolkit: specialized configurations"
# custom:
#   id: no-all-driver-capabilities
#   severity: low
#   remediation: "Name what is needed: `NVIDIA_DRIVER_CAPABILITIES: compute,utility`."
#   environment: [NVIDIA_DRIVER_CAPABILITIES]
package policyd.policies.no_all_driver_capabilities

import data.policyd.lib.environment
import data.policyd.lib.workload

violation contains workload.at(w, environment.path(w, "NVIDIA_DRIVER_CAPABILITIES"), msg) if {
	some w in input.workloads
	env := environment.by_workload[w.name]
	value := object.get(env, "NVIDIA_DRIVER_CAPABILITIES", "")
	value != null
	"all" in split(value, ",")
	msg := sprintf("%s gets all capabilities of the NVIDIA driver", [w.title])
}
