# METADATA
# title: Mount of the root of the host
# description: "The workload mounts the whole file system of the host, with its devices, its
#   sockets and its secrets. A read-only mount does not protect devices and sockets."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: hostPath volumes"
# custom:
#   id: no-host-root-mount
#   severity: critical
#   remediation: "Mount only the folder that the workload needs, and add `:ro`."
package policyd.policies.no_host_root_mount

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.host_class == "root"
	msg := sprintf("%s mounts the root of the host at %s", [w.title, mount.target])
}
