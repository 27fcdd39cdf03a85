# METADATA
# title: Image that is built and has a name
# description: "The service has `image` and `build`. Whether the image is built or pulled depends on what the
#   host has already, so the same project can run different programs on two hosts."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/build/#using-build-and-image
#     description: "Compose file reference: using build and image"
# custom:
#   id: no-build-and-image
#   severity: low
#   remediation: "Set `pull_policy: build`, or build the image in a pipeline and name it by its digest."
package policyd.policies.no_build_and_image

import data.policyd.lib.workload

violation contains workload.finding(w, ["image"], msg) if {
	some w in workload.containers
	w.build != null
	w.image != ""
	w.pull_policy != "build"
	msg := sprintf("%s has an image that is built or pulled, depending on the host", [w.title])
}
