# METADATA
# title: User that is not known
# description: "The project does not set the user, and the configuration of the image is not known. Most
#   images run as root unless they are told otherwise."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 4.1"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, restricted: running as non-root"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 2: set a user"
#   - ref: https://docs.docker.com/reference/compose-file/services/#user
#     description: "Compose file reference: user"
# custom:
#   id: require-user
#   severity: medium
#   remediation: "Set `user` to a numeric user that is not 0, such as `user: '10001:10001'`, or let
#     policyd read the configurations of images."
package policyd.policies.require_user

import data.policyd.lib.users
import data.policyd.lib.workload

violation contains workload.finding(w, ["user"], msg) if {
	some w in workload.containers
	not users.by_workload[w.name]
	msg := sprintf("%s does not set a user", [w.title])
}
