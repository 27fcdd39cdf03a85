# METADATA
# title: Device node of an accelerator
# description: "A workload maps the device node of an accelerator. It gets the device without its driver:
#   there is no count, no selection and no isolation, and nothing declares the device as a GPU."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.18"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline"
# custom:
#   id: no-raw-device-nodes
#   severity: high
#   remediation: "Declare the device as a reservation, or by its CDI name in `devices:`."
package policyd.policies.no_raw_device_nodes

import data.policyd.lib.workload

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method == "device-node"
	msg := sprintf("%s maps the device node %s", [w.title, grant.text])
}
