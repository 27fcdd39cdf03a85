# METADATA
# title: Platform that is not allowed
# description: "The service names a platform that the hosts do not have. The engine then emulates the
#   processor, which is slow and has no access to GPUs, or it refuses the image."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#platform
#     description: "Compose file reference: platform"
#   - ref: https://docs.docker.com/build/building/multi-platform/
#     description: "Docker: multi-platform builds"
# custom:
#   id: allowed-platforms
#   severity: low
#   remediation: "Remove `platform`, or name one of the hosts and an image for it."
#   parameters:
#     platforms:
#       type: array
#       items: {type: string}
#       default: [linux/amd64, linux/arm64]
#       description: "The platforms of the hosts, with or without a variant of the processor."
package policyd.policies.allowed_platforms

import data.policyd.lib.workload

violation contains object.union(workload.finding(w, ["platform"], msg), {"constraint": c.name}) if {
	some c in input.constraints["allowed-platforms"]
	some w in workload.containers
	w.platform != ""
	not is_listed(w.platform, c.parameters.platforms)
	msg := sprintf("%s is for the platform %s, which is not allowed", [w.title, w.platform])
}

is_listed(platform, platforms) if platform in platforms

# A variant of the processor belongs to its platform: linux/arm64/v8 to linux/arm64.
is_listed(platform, platforms) if {
	some listed in platforms
	startswith(platform, concat("", [listed, "/"]))
}
