# METADATA
# title: Interactive service
# description: "A terminal is of no use for a service that nobody attaches to. It changes how the program
#   prints and how it ends."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#tty
#     description: "Compose file reference: tty"
#   - ref: https://docs.docker.com/reference/compose-file/services/#stdin_open
#     description: "Compose file reference: stdin_open"
#   - ref: https://open-policy-agent.github.io/gatekeeper-library/website/validation/disallowinteractive
#     description: "Gatekeeper library: disallow interactive TTY"
# custom:
#   id: no-interactive-services
#   severity: low
#   remediation: "Remove `tty` and `stdin_open`, or run the program with `docker compose run`."
package policyd.policies.no_interactive_services

import data.policyd.lib.workload

violation contains workload.finding(w, ["tty"], msg) if {
	some w in workload.containers
	w.tty
	msg := sprintf("%s has a terminal", [w.title])
}

violation contains workload.finding(w, ["stdin_open"], msg) if {
	some w in workload.containers
	workload.keys(w).stdin_open
	msg := sprintf("%s keeps its standard input open", [w.title])
}
