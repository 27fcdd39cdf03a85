# METADATA
# title: Writable mount of /proc or /sys
# description: "Files below /proc and /sys of the host change the kernel, its devices and other
#   containers."
# custom:
#   id: no-host-proc-sys-mounts
#   severity: high
#   remediation: "Add `:ro`."
#   references:
#     - "CIS Docker Benchmark 5.5"
#     - "Pod Security Standards, baseline: /proc mount type"
package policyd.policies.no_host_proc_sys_mounts

import data.policyd.lib.mounts
import data.policyd.lib.workload

violation contains workload.at(w, found.mount.path, msg) if {
	some w in input.workloads
	some found in mounts.of[w.name]
	found.class == "proc-sys"
	msg := sprintf("service %s mounts %s of the host writable", [w.name, found.mount.source])
}
