# METADATA
# title: Writable root file system
# description: "A process in the container can change the programs and the configuration of its image. An
#   attacker can install tools there."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.13"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 8: set the file system and volumes to
#       read-only"
#   - ref: https://docs.docker.com/reference/compose-file/services/#read_only
#     description: "Compose file reference: read_only"
# custom:
#   id: require-read-only-root
#   severity: low
#   remediation: "Add `read_only: true`, with `tmpfs:` or a volume for each folder that the program writes
#     to."
package policyd.policies.require_read_only_root

import data.policyd.lib.workload

violation contains workload.finding(w, ["read_only"], msg) if {
	some w in workload.containers
	not w.read_only
	msg := sprintf("%s has a writable root file system", [w.title])
}
