# METADATA
# title: Writable mount of a system folder of the host
# description: "The workload can write to programs, libraries, units, cron tables, accounts or
#   settings that root or the kernel of the host reads or executes."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: hostPath volumes"
# custom:
#   id: no-host-system-mounts
#   severity: high
#   remediation: "Add `:ro` to the mount, or mount only the one file that is needed."
package policyd.policies.no_host_system_mounts

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.host_class == "system"
	msg := sprintf("%s mounts the system path %s of the host writable", [w.title, mount.source])
}
