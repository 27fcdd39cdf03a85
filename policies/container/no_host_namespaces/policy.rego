# METADATA
# title: Namespace of the host
# description: "In a namespace of the host, a container sees the processes, the memory, the users
#   or the network of the host and of all other containers."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.10, 5.16, 5.17, 5.21 and 5.31"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: host namespaces"
# custom:
#   id: no-host-namespaces
#   severity: high
#   remediation: "Remove the key, so that the container gets a namespace of its own."
#   parameters:
#     namespaces:
#       type: array
#       items: {type: string, enum: [pid, ipc, userns_mode, uts, network_mode, cgroup]}
#       default: [pid, ipc, userns_mode, uts, network_mode, cgroup]
#       description: The keys of a service that must not be `host`.
package policyd.policies.no_host_namespaces

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": constraint.name}) if {
	some constraint in input.constraints["no-host-namespaces"]
	some w in input.workloads
	some key in constraint.parameters.namespaces
	w[key] == "host"
	msg := sprintf("%s shares a namespace with the host: %s: host", [w.title, key])
	found := workload.finding(w, [key], msg)
}
