# METADATA
# title: Image that is never pulled
# description: "With the pull policy never, the container runs whatever image of that name is on the host,
#   however old it is and whoever put it there."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#pull_policy
#     description: "Compose file reference: pull_policy"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 13: enhance supply chain security"
# custom:
#   id: no-stale-images
#   severity: low
#   remediation: "Remove `pull_policy`, and name the image by its version or its digest."
package policyd.policies.no_stale_images

import data.policyd.lib.workload

violation contains workload.finding(w, ["pull_policy"], msg) if {
	some w in workload.containers
	w.build == null
	w.pull_policy == "never"
	msg := sprintf("%s never pulls its image", [w.title])
}
