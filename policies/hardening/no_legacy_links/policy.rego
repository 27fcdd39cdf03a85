# METADATA
# title: Link between containers
# description: "Links are a legacy way to reach other containers. They copy environment variables of the other
#   container on the default bridge, and `external_links` reach containers of other projects."
# related_resources:
#   - ref: https://docs.docker.com/engine/network/links/
#     description: "Docker: legacy container links"
#   - ref: https://docs.docker.com/reference/compose-file/services/#links
#     description: "Compose file reference: links"
# custom:
#   id: no-legacy-links
#   severity: low
#   remediation: "Remove the link. Services on one network reach each other by name; for another name, set
#     `aliases` of the network. For another project, share a network."
package policyd.policies.no_legacy_links

import data.policyd.lib.workload

violation contains workload.finding(w, [key, index], msg) if {
	some w in workload.containers
	some key in ["links", "external_links"]
	some index, link in workload.keys(w)[key]
	msg := sprintf("%s has the legacy link %s", [w.title, link])
}
