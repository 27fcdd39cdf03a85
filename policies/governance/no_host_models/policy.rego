# METADATA
# title: Model that the host runs
# description: "Compose hands a model to the model runner, which runs on the host and uses its GPUs
#   outside of every container. No grant covers that."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/models/
#     description: "Compose file reference: models"
# custom:
#   id: no-host-models
#   severity: medium
#   remediation: "Run the model in a service with a reservation: `driver: nvidia` with `device_ids:
#     ['0']`."
package policyd.policies.no_host_models

violation contains {"msg": msg, "service": "", "path": ["models", name]} if {
	some name, _ in input.project.models
	msg := sprintf("the project has the model %s, which the host runs", [name])
}
