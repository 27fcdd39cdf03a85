# METADATA
# title: Disabled security profile
# description: "Without seccomp, AppArmor, SELinux labels or masked paths, a vulnerability or an
#   added capability can reach the host."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.2, 5.3 and 5.22"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: seccomp, AppArmor, SELinux"
# custom:
#   id: no-unconfined-profiles
#   severity: high
#   remediation: "Remove the option, so that the default profile applies."
#   parameters:
#     settings:
#       type: array
#       items: {type: string, enum: [seccomp, apparmor, systempaths, label]}
#       default: [seccomp, apparmor, systempaths, label]
#       description: The security settings that a service must not disable.
package policyd.policies.no_unconfined_profiles

import data.policyd.lib.workload

# disabling has the setting that each option disables, with = in place of each colon. SELinux does not
# confine processes of the types.
disabling := {
	"seccomp=unconfined": "seccomp",
	"apparmor=unconfined": "apparmor",
	"systempaths=unconfined": "systempaths",
	"label=disable": "label",
	"label=type=spc_t": "label",
	"label=type=unconfined_t": "label",
	"label=type=container_runtime_t": "label",
}

violation contains object.union(found, {"constraint": constraint.name}) if {
	some constraint in input.constraints["no-unconfined-profiles"]
	some w in input.workloads
	some i, option in w.security_opt
	disabling[replace(option, ":", "=")] in constraint.parameters.settings
	msg := sprintf("%s disables a security profile: %s", [w.title, option])
	found := workload.entry(w, "security_opt", i, msg)
}
