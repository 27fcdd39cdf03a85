# METADATA
# title: Device control group rule
# description: "A rule opens device nodes by number, whatever their names; with a node that is
#   made or mounted this is the device."
# custom:
#   id: no-device-cgroup-rules
#   severity: high
#   remediation: "Remove the rule, and reserve the device."
#   references:
#     - "CIS Docker Benchmark 5.17"
#     - "CIS Docker Benchmark 5.24"
package policyd.policies.no_device_cgroup_rules

import data.policyd.lib.cgroup_rules
import data.policyd.lib.workload

violation contains workload.at(w, rule.path, msg) if {
	some w in input.workloads
	some rule in w.device_cgroup_rules
	danger := cgroup_rules.danger(rule.rule)
	msg := sprintf("service %s has the device rule %s: %s", [w.name, rule.rule, danger])
}
