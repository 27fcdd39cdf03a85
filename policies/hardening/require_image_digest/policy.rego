# METADATA
# title: Image without a digest
# description: "A tag can be moved to another image. Only a digest names one image for ever."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 4.5"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 13: enhance supply chain security"
#   - ref: https://docs.docker.com/reference/compose-file/services/#image
#     description: "Compose file reference: image"
# custom:
#   id: require-image-digest
#   severity: low
#   remediation: "Add the digest: `image: nginx:1.29.3@sha256:…`. `docker buildx imagetools inspect`
#     prints it."
#   parameters:
#     gpu_services_only:
#       type: boolean
#       default: false
#       description: Report only services that get an accelerator.
package policyd.policies.require_image_digest

import data.policyd.lib.images
import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["require-image-digest"]
	some w in input.workloads
	w.image != ""
	w.build == null
	applies(c, w)
	not images.digest(w.image)
	msg := sprintf("%s runs the image %s, which has no digest", [w.title, w.image])
	found := workload.finding(w, ["image"], msg)
}

applies(c, _) if not c.parameters.gpu_services_only

applies(c, w) if {
	c.parameters.gpu_services_only
	count(w.grants) > 0
}
