# METADATA
# title: Device requested by an annotation
# description: "Runtimes take annotations that begin with cdi.k8s.io/ for requests for CDI devices, and so they do
#   with nvidia.cdi.k8s.io/ where NVIDIA's GPU Operator set them up."
# related_resources:
#   - ref: https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md
#     description: "CDI specification"
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html
#     description: "NVIDIA Container Toolkit, CDI support"
# custom:
#   id: no-gpu-via-annotations
#   severity: high
#   remediation: "Move the CDI name to `devices:`."
package policyd.policies.no_gpu_via_annotations

import data.policyd.lib.workload

violation contains workload.finding(w, ["annotations", key], msg) if {
	some w in input.workloads
	some key, value in w.annotations
	strings.any_prefix_match(key, ["cdi.k8s.io/", "nvidia.cdi.k8s.io/"])
	msg := sprintf("%s requests devices by the annotation %s: %s", [w.title, key, value])
}
