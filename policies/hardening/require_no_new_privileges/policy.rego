# METADATA
# title: Privilege escalation that is not prevented
# description: "Without `no-new-privileges`, a process in the container can gain privileges by a setuid
#   program, such as sudo."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.26"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, restricted: privilege escalation"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 4: prevent privilege escalation inside of
#       containers"
#   - ref: https://docs.docker.com/reference/compose-file/services/#security_opt
#     description: "Compose file reference: security_opt"
# custom:
#   id: require-no-new-privileges
#   severity: medium
#   remediation: "Add `security_opt: ['no-new-privileges:true']`."
package policyd.policies.require_no_new_privileges

import data.policyd.lib.workload

violation contains workload.finding(w, ["security_opt"], msg) if {
	some w in workload.containers
	not prevented(w)
	msg := sprintf("%s does not set no-new-privileges", [w.title])
}

prevented(w) if {
	some option in w.security_opt
	replace(option, ":", "=") in {"no-new-privileges", "no-new-privileges=true"}
}
