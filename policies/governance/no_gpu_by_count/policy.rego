# METADATA
# title: GPUs by number
# description: "A request for a number of GPUs always gets the first ones of the host, whether they are in
#   use or not. Two projects that ask for one GPU get the same one."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/deploy/#devices
#     description: "Compose Deploy Specification: devices"
#   - ref: https://github.com/jupyterhub/dockerspawner/issues/331
#     description: "dockerspawner: each user gets the same GPU"
# custom:
#   id: no-gpu-by-count
#   severity: medium
#   remediation: "Name the GPUs: `device_ids: ['0']` instead of `count`."
package policyd.policies.no_gpu_by_count

import data.policyd.lib.gpus
import data.policyd.lib.workload

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.method in {"reservation", "gpus"}
	gpus.counted(grant) > 0
	msg := sprintf("%s gets the first GPUs of the host: %s", [w.title, grant.text])
}
