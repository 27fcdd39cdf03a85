# METADATA
# title: Security profile switched off
# description: "Without seccomp, AppArmor, SELinux labels or masked paths, a flaw or a capability
#   reaches the host."
# custom:
#   id: no-unconfined-profiles
#   severity: high
#   remediation: "Keep the default profile."
#   references:
#     - "CIS Docker Benchmark 5.1"
#     - "CIS Docker Benchmark 5.2"
#     - "CIS Docker Benchmark 5.21"
#     - "Pod Security Standards, baseline: seccomp, AppArmor, SELinux"
package policyd.policies.no_unconfined_profiles

import data.policyd.lib.workload

open := {"seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined", "label=disable"}

violation contains workload.finding(w, ["security_opt", i], msg) if {
	some w in input.workloads
	some i, option in w.security_opt
	replace(option, ":", "=") in open
	msg := sprintf("service %s switches a security profile off: %s", [w.name, option])
}
