# METADATA
# title: Updater with access to the engine
# description: "A container that replaces other containers with newer images controls the engine, and starts
#   whatever the registry delivers. No review sees these changes."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.32"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 13: enhance supply chain security"
# custom:
#   id: no-auto-updaters
#   severity: high
#   remediation: "Remove the service. Let a bot propose new digests of images in the repository, so that a
#     pipeline reviews and deploys them."
#   parameters:
#     names:
#       type: array
#       items: {type: string}
#       default: [watchtower, ouroboros, shepherd, whats-up-docker, wud, dockcheck, tugtainer]
#       description: "The last part of the names of their images, without tag."
package policyd.policies.no_auto_updaters

import data.policyd.lib.images
import data.policyd.lib.workload

violation contains object.union(workload.finding(w, ["image"], msg), {"constraint": c.name}) if {
	some c in input.constraints["no-auto-updaters"]
	some w in workload.containers
	name := split(images.last_part(w.image), ":")[0]
	name in c.parameters.names
	reaches_engine(w)
	msg := sprintf("%s replaces containers by itself: %s has access to the engine", [w.title, name])
}

reaches_engine(w) if {
	some grant in w.grants
	grant.method == "api-socket"
}

reaches_engine(w) if startswith(object.get(w.environment, "DOCKER_HOST", ""), "tcp://")
