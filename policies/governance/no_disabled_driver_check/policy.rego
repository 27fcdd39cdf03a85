# METADATA
# title: Disabled check of the driver
# description: "The runtime does not check whether the driver of the host is recent enough for the image.
#   The container starts, and fails later with an error that is hard to understand."
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
#     description: "NVIDIA Container Toolkit: specialized configurations"
# custom:
#   id: no-disabled-driver-check
#   severity: low
#   remediation: "Remove `NVIDIA_DISABLE_REQUIRE`, and use an image for the driver of the host."
#   environment: [NVIDIA_DISABLE_REQUIRE]
package policyd.policies.no_disabled_driver_check

import data.policyd.lib.environment
import data.policyd.lib.workload

violation contains workload.at(w, environment.path(w, "NVIDIA_DISABLE_REQUIRE"), msg) if {
	some w in input.workloads
	env := environment.by_workload[w.name]
	value := object.get(env, "NVIDIA_DISABLE_REQUIRE", "")
	not value in {"", "0", "f", "F", "false", "False", "FALSE", null}
	msg := sprintf("%s disables the check of the driver", [w.title])
}
