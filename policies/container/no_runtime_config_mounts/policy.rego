# METADATA
# title: Writable mount of engine or runtime configuration
# description: "The workload can write to the configuration or the state of a container engine or
#   of its runtimes, or to a folder above them. So it decides what later containers get."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 3 and 5.6"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: hostPath volumes"
# custom:
#   id: no-runtime-config-mounts
#   severity: critical
#   remediation: "Add `:ro` to the mount, or mount a folder that does not contain the
#     configuration of an engine or a runtime."
package policyd.policies.no_runtime_config_mounts

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.host_class == "runtime-config"
	msg := sprintf("%s mounts %s of the host writable", [w.title, mount.source])
}
