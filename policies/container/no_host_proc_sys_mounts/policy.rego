# METADATA
# title: Writable mount of /proc or /sys
# description: "A process that can write to files below /proc and /sys of the host can change the
#   kernel, its devices and other containers."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: /proc mount type"
# custom:
#   id: no-host-proc-sys-mounts
#   severity: high
#   remediation: "Add `:ro` to the mount, or remove the mount."
package policyd.policies.no_host_proc_sys_mounts

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.host_class == "proc-sys"
	msg := sprintf("%s mounts %s of the host writable", [w.title, mount.source])
}
