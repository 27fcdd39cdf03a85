# METADATA
# title: Registry that is not allowed
# description: "The image comes from a registry that is not in the list of the policy set. The default
#   list has the large public registries."
# related_resources:
#   - ref: https://open-policy-agent.github.io/gatekeeper-library/website/validation/allowedrepos
#     description: "Gatekeeper library: allowed repositories"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 13: enhance supply chain security"
# custom:
#   id: allowed-registries
#   severity: high
#   remediation: "Use an image of an allowed registry, or copy the image there."
#   parameters:
#     registries:
#       type: array
#       items: {type: string}
#       default: [docker.io, ghcr.io, quay.io, gcr.io, registry.k8s.io, mcr.microsoft.com, nvcr.io, public.ecr.aws]
#       description: "Registries that are allowed, or the beginnings of image references, which contain a slash."
package policyd.policies.allowed_registries

import data.policyd.lib.images
import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["allowed-registries"]
	some w in input.workloads
	w.image != ""
	w.build == null
	not is_allowed(c.parameters.registries, w.image)
	msg := sprintf("%s runs an image of the registry %s, which is not allowed", [w.title, images.registry(w.image)])
	found := workload.finding(w, ["image"], msg)
}

is_allowed(registries, image) if data.policyd.lib.images.registry(image) in registries

is_allowed(registries, image) if {
	some prefix in registries
	contains(prefix, "/")
	startswith(image, prefix)
}
