# METADATA
# title: GPU behind a profile
# description: "The service gets a GPU and starts only with a profile. Whoever plans the GPUs of the host
#   does not see it in what runs today."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/profiles/
#     description: "Compose file reference: profiles"
# custom:
#   id: no-gpu-behind-profile
#   severity: low
#   remediation: "Remove `profiles`, or move the service into a project of its own."
package policyd.policies.no_gpu_behind_profile

import data.policyd.lib.gpus
import data.policyd.lib.workload

violation contains workload.finding(w, ["profiles"], msg) if {
	some w in input.workloads
	not workload.is_hook(w)
	count(w.profiles) > 0
	gpus.granted(w) != []
	msg := sprintf("%s gets a GPU only with the profile %s", [w.title, concat(" or ", w.profiles)])
}
