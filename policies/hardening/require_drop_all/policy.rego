# METADATA
# title: Capabilities that are not dropped
# description: "The container keeps the capabilities that the engine gives by default, such as NET_RAW and
#   SETUID. Most programs need none of them."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.4"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, restricted: capabilities"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 3: limit capabilities"
#   - ref: https://docs.docker.com/reference/compose-file/services/#cap_drop
#     description: "Compose file reference: cap_drop"
# custom:
#   id: require-drop-all
#   severity: medium
#   remediation: "Add `cap_drop: [ALL]`, and add what the program needs under `cap_add`."
package policyd.policies.require_drop_all

import data.policyd.lib.workload

violation contains workload.finding(w, ["cap_drop"], msg) if {
	some w in workload.containers
	not dropped(w)
	msg := sprintf("%s does not drop all capabilities", [w.title])
}

dropped(w) if {
	some capability in w.cap_drop
	upper(capability) == "ALL"
}
