# METADATA
# title: Runtime that is not vetted
# description: "Any name that is registered with the engine may stand for a runtime that gives
#   accelerators or leaves out the isolation. The names in the tables of the policy set are vetted, and so
#   are aliases of them that the inventory has for the host. Annotations can set up a vetted runtime in
#   another way: with programs and files of the host, with its devices, or without isolation."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 2, daemon configuration"
# custom:
#   id: no-unvetted-runtime
#   severity: medium
#   remediation: "Remove `runtime:` or the annotation, or have the name of the runtime added to the vetted
#     runtimes of the policy set."
package policyd.policies.no_unvetted_runtime

import data.policyd.lib.workload

violation contains workload.finding(w, ["runtime"], msg) if {
	some w in input.workloads
	not w.runtime_class in {"", "vetted", "nvidia"}
	msg := sprintf("%s runs under the runtime %s, which is not vetted", [w.title, w.runtime])
}

violation contains workload.finding(w, ["annotations", key], msg) if {
	some w in input.workloads
	some key, value in w.annotations
	sets_up(key)
	msg := sprintf("%s sets up its runtime by the annotation %s: %s", [w.title, key, value])
}

# sets_up is true for annotations that Kata Containers, gVisor and crun take for settings of the host.
sets_up(key) if strings.any_prefix_match(key, ["dev.gvisor.flag.", "run.oci.hooks."])

sets_up(key) if {
	hypervisor := "io.katacontainers.config.hypervisor."
	startswith(key, hypervisor)
	not startswith(key, concat("", [hypervisor, "default_"]))
}
