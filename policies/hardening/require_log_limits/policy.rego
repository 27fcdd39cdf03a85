# METADATA
# title: Log without a limit
# description: "The default driver of the engine, json-file, keeps everything that a container prints
#   until the disk of the host is full."
# related_resources:
#   - ref: https://docs.docker.com/engine/logging/configure/
#     description: "Docker: configure logging drivers"
#   - ref: https://owasp.org/www-project-docker-top-10/
#     description: "OWASP Docker Top 10: D10, logging"
# custom:
#   id: require-log-limits
#   severity: low
#   remediation: "Set `logging: {driver: json-file, options: {max-size: 10m, max-file: '3'}}`, or use the
#     driver local."
package policyd.policies.require_log_limits

import data.policyd.lib.workload

violation contains workload.finding(w, ["logging"], msg) if {
	some w in workload.containers
	w.logging.driver in {"", "json-file"}
	object.get(w.logging.options, "max-size", "") in {"", "-1"}
	msg := sprintf("%s has no limit on the size of its log", [w.title])
}
