# METADATA
# title: Namespace of the host
# description: "In a namespace of the host a container sees the processes, memory, users or
#   network of all others."
# custom:
#   id: no-host-namespaces
#   severity: high
#   remediation: "Use the default namespace."
#   references:
#     - "CIS Docker Benchmark 5.9"
#     - "CIS Docker Benchmark 5.15"
#     - "CIS Docker Benchmark 5.16"
#     - "CIS Docker Benchmark 5.20"
#     - "CIS Docker Benchmark 5.30"
#     - "Pod Security Standards, baseline: host namespaces"
package policyd.policies.no_host_namespaces

import data.policyd.lib.workload

violation contains workload.finding(w, [key], msg) if {
	some w in input.workloads
	some key in ["pid", "ipc", "userns_mode", "uts", "network_mode", "cgroup"]
	w[key] == "host"
	msg := sprintf("service %s shares a namespace with the host: %s: host", [w.name, key])
}
