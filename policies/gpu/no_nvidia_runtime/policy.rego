# METADATA
# title: The NVIDIA container runtime
# description: "Under this runtime the environment of the image and of the service selects the
#   GPUs; what is granted cannot be read from the request for devices."
# custom:
#   id: no-nvidia-runtime
#   severity: medium
#   remediation: "Drop `runtime:` and use `deploy.resources.reservations.devices`, which names
#     GPUs for each service."
#   references:
#     - "Docker Compose guide: GPU support"
#     - "NVIDIA Container Toolkit user guide"
package policyd.policies.no_nvidia_runtime

import data.policyd.lib.runtimes
import data.policyd.lib.workload

violation contains workload.finding(w, ["runtime"], msg) if {
	some w in input.workloads
	w.runtime != ""
	runtimes.vendor(w.runtime) == "nvidia"
	msg := sprintf("service %s runs under the NVIDIA runtime %s", [w.name, w.runtime])
}
