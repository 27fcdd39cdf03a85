# METADATA
# title: Root user
# description: "The container runs as root: the project says so, or its Dockerfile, or the configuration
#   of its image. A process that leaves the container is root on the host, unless the engine maps users."
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
#   id: no-root-user
#   severity: medium
#   remediation: "Set `user` to a numeric user that is not 0, such as `user: '10001:10001'`, and give it
#     the files that it writes to."
package policyd.policies.no_root_user

import data.policyd.lib.users
import data.policyd.lib.workload

violation contains workload.at(w, found.path, msg) if {
	some w in input.workloads
	w.provider == ""
	found := users.by_workload[w.name]
	users.is_root(found.user)
	msg := sprintf("%s runs as root: %s", [w.title, found.text])
}
