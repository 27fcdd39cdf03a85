# METADATA
# title: Capability that leads out of the container
# description: "These capabilities reach devices, the kernel, the memory of others or files of the
#   host. MKNOD is among the defaults of the engine: adding it is redundant, or undoes a
#   cap_drop."
# custom:
#   id: no-dangerous-capabilities
#   severity: high
#   remediation: "Drop the capability."
#   references:
#     - "CIS Docker Benchmark 5.3"
#     - "Pod Security Standards, baseline: capabilities"
package policyd.policies.no_dangerous_capabilities

import data.policyd.lib.workload

capabilities_out := data.policyd.tables.capabilities_out

violation contains workload.finding(w, ["cap_add", i], msg) if {
	some w in input.workloads
	some i, capability in w.cap_add
	capabilities_out[trim_prefix(upper(capability), "CAP_")]
	msg := sprintf("service %s adds the capability %s", [w.name, capability])
}
