# METADATA
# title: Device requested by an annotation
# description: "Annotations that start with cdi.k8s.io/ are read by runtimes as requests for CDI
#   devices."
# custom:
#   id: no-gpu-via-annotations
#   severity: high
#   remediation: "Put the CDI name into `devices:`."
#   references:
#     - "CDI Specification: annotations"
#     - "NVIDIA Container Toolkit user guide: annotation-prefixes"
package policyd.policies.no_gpu_via_annotations

import data.policyd.lib.workload

violation contains workload.finding(w, ["annotations", key], msg) if {
	some w in input.workloads
	some key, value in w.annotations
	startswith(key, "cdi.k8s.io/")
	msg := sprintf("service %s requests devices by the annotation %s: %s", [w.name, key, value])
}
