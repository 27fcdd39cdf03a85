# METADATA
# title: Writable mount of engine or runtime configuration
# description: "Whoever writes the configuration or the state of the engine or of its runtimes
#   decides what later containers get."
# custom:
#   id: no-runtime-config-mounts
#   severity: critical
#   remediation: "Manage the configuration of runtimes on the host."
#   references:
#     - "CIS Docker Benchmark 5.5"
#     - "CIS Docker Benchmark 3"
package policyd.policies.no_runtime_config_mounts

import data.policyd.lib.mounts
import data.policyd.lib.workload

violation contains workload.at(w, found.mount.path, msg) if {
	some w in input.workloads
	some found in mounts.of[w.name]
	found.class == "runtime-config"
	msg := sprintf("service %s mounts %s of the host writable", [w.name, found.mount.source])
}
