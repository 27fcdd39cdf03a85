# METADATA
# title: Disabled logging
# description: "With the logging driver none, nothing that the container prints is kept, so an incident
#   leaves no trace."
# related_resources:
#   - ref: https://owasp.org/www-project-docker-top-10/
#     description: "OWASP Docker Top 10: D10, logging"
#   - ref: https://docs.docker.com/reference/compose-file/services/#logging
#     description: "Compose file reference: logging"
# custom:
#   id: no-disabled-logging
#   severity: medium
#   remediation: "Remove `driver: none`, and limit the size of the log: `options: {max-size: 10m,
#     max-file: '3'}`."
package policyd.policies.no_disabled_logging

import data.policyd.lib.workload

violation contains workload.finding(w, ["logging", "driver"], msg) if {
	some w in workload.containers
	w.logging.driver == "none"
	msg := sprintf("%s disables logging", [w.title])
}
