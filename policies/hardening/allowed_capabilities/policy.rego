# METADATA
# title: Capability that is not allowed
# description: "The container adds a capability that is not in the list of the policy set. The default
#   list is that of the restricted profile of the Pod Security Standards."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.4"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline and restricted: capabilities"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 3: limit capabilities"
#   - ref: https://docs.docker.com/reference/compose-file/services/#cap_add
#     description: "Compose file reference: cap_add"
# custom:
#   id: allowed-capabilities
#   severity: high
#   remediation: "Remove the capability from `cap_add`, or ask the owners of the policy set for an
#     exception."
#   parameters:
#     allowed:
#       type: array
#       items: {type: string}
#       default: [NET_BIND_SERVICE]
#       description: The capabilities that a container may add, in upper case without CAP_.
package policyd.policies.allowed_capabilities

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["allowed-capabilities"]
	some w in input.workloads
	some i, capability in w.cap_add
	not trim_prefix(upper(capability), "CAP_") in c.parameters.allowed
	msg := sprintf("%s adds the capability %s, which is not allowed", [w.title, capability])
	found := workload.entry(w, "cap_add", i, msg)
}
