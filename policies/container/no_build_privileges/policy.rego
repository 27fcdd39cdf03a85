# METADATA
# title: Privileged build
# description: "A privileged build, and a build with the entitlement for insecure steps or for
#   devices, can use the devices of the host. No grant covers that use, because it happens outside
#   of every container."
# related_resources:
#   - ref: https://docs.docker.com/reference/cli/docker/buildx/build/#allow
#     description: "BuildKit entitlements"
#   - ref: https://docs.docker.com/reference/dockerfile/#run---security
#     description: "Dockerfile reference: RUN --security"
# custom:
#   id: no-build-privileges
#   severity: high
#   remediation: "Remove the option from the build. Run the step that needs a GPU in a container
#     with a reservation: `driver: nvidia` with `device_ids: ['0']`."
package policyd.policies.no_build_privileges

import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	w.build != null
	w.build.privileged
	path := array.concat(w.build.path, ["privileged"])
	msg := sprintf("%s builds its image privileged", [w.title])
}

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method == "build"
	grant.path[count(grant.path) - 2] == "entitlements"
	msg := sprintf("%s builds its image with the entitlement %s", [w.title, grant.text])
}

violation contains workload.at(w, w.build.dockerfile_path, msg) if {
	some w in input.workloads
	w.build != null
	some flag in w.build.run_flags
	opens(flag)
	msg := sprintf("%s builds its image with RUN --%s=%s", [w.title, flag.name, flag.value])
}

opens(flag) if flag.name == "device"

opens(flag) if {
	flag.name == "security"
	flag.value == "insecure"
}
