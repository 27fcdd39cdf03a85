# METADATA
# title: Privileged build
# description: "A build that runs privileged, or has the entitlement for insecure steps or
#   devices, uses the devices of the host outside every container that is judged."
# custom:
#   id: no-build-privileges
#   severity: high
#   remediation: "Build without devices, and run the GPU step in a container with a reservation."
#   references:
#     - "BuildKit: entitlements"
package policyd.policies.no_build_privileges

import data.policyd.lib.builds
import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	w.build != null
	w.build.privileged
	path := array.concat(w.build.path, ["privileged"])
	msg := sprintf("service %s builds privileged", [w.name])
}

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	w.build != null
	some i, entitlement in w.build.entitlements
	builds.opens(entitlement)
	path := array.concat(w.build.path, ["entitlements", i])
	msg := sprintf("service %s builds with the entitlement %s", [w.name, entitlement])
}

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	w.build != null
	some flag in w.build.run_flags
	opens(flag)
	path := w.build.dockerfile_path
	msg := sprintf("service %s builds with RUN --%s=%s", [w.name, flag.name, flag.value])
}

opens(flag) if flag.name == "device"

opens(flag) if {
	flag.name == "security"
	flag.value == "insecure"
}
