# METADATA
# title: Kernel parameter that is not allowed
# description: "The container sets a kernel parameter that is not in the list of the policy set. The
#   default list is that of the Pod Security Standards: parameters that are valid for the container alone."
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: sysctls"
#   - ref: https://docs.docker.com/reference/compose-file/services/#sysctls
#     description: "Compose file reference: sysctls"
# custom:
#   id: allowed-sysctls
#   severity: high
#   remediation: "Remove the parameter from `sysctls`, or ask the owners of the policy set to allow it."
#   parameters:
#     allowed:
#       type: array
#       items: {type: string}
#       default: [
#         kernel.shm_rmid_forced, net.ipv4.ip_local_port_range, net.ipv4.ip_unprivileged_port_start,
#         net.ipv4.tcp_syncookies, net.ipv4.ping_group_range, net.ipv4.ip_local_reserved_ports,
#         net.ipv4.tcp_keepalive_time, net.ipv4.tcp_fin_timeout, net.ipv4.tcp_keepalive_intvl,
#         net.ipv4.tcp_keepalive_probes, net.ipv4.tcp_rmem, net.ipv4.tcp_wmem]
#       description: The kernel parameters that a container may set.
package policyd.policies.allowed_sysctls

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["allowed-sysctls"]
	some w in input.workloads
	some name, value in w.sysctls
	not name in c.parameters.allowed
	msg := sprintf("%s sets the kernel parameter %s, which is not allowed: %s", [w.title, name, value])
	found := workload.finding(w, ["sysctls", name], msg)
}
