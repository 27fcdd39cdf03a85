# METADATA
# title: Mount of the host root
# description: "The whole file system of the host, its devices, sockets and secrets included."
# custom:
#   id: no-host-root-mount
#   severity: critical
#   remediation: "Mount the directory that is needed, read-only."
#   references:
#     - "CIS Docker Benchmark 5.5"
#     - "Pod Security Standards, baseline: hostPath"
package policyd.policies.no_host_root_mount

import data.policyd.lib.mounts
import data.policyd.lib.workload

violation contains workload.at(w, found.mount.path, msg) if {
	some w in input.workloads
	some found in mounts.of[w.name]
	found.class == "root"
	msg := sprintf("service %s mounts the root of the host at %s", [w.name, found.mount.target])
}
