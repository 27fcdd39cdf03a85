# METADATA
# title: Image without a fixed version
# description: "The image has no tag, or a tag that moves, such as latest. Each pull can bring another
#   program, and a rollback is not possible."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.28"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 13: enhance supply chain security"
#   - ref: https://docs.docker.com/reference/compose-file/services/#image
#     description: "Compose file reference: image"
# custom:
#   id: require-image-tag
#   severity: medium
#   remediation: "Name the version: `image: nginx:1.29.3`, or a digest."
#   parameters:
#     moving_tags:
#       type: array
#       items: {type: string}
#       default: [stable, edge, nightly, dev, test, main, master]
#       description: Tags, in lower case, that do not stand for one version. latest always counts.
package policyd.policies.require_image_tag

import data.policyd.lib.images
import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["require-image-tag"]
	some w in input.workloads
	w.image != ""
	w.build == null
	not images.digest(w.image)
	tag := images.tag(w.image)
	lower(tag) in ({"", "latest"} | {name | some name in c.parameters.moving_tags})
	msg := sprintf("%s runs the image %s, which has no fixed version", [w.title, w.image])
	found := workload.finding(w, ["image"], msg)
}
