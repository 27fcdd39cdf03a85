# METADATA
# title: Image whose configuration is not known
# description: "The variables of an image can select GPUs, and its user and labels can break rules. The
#   configuration of the image that a workload runs, or is built from, was neither handed over nor read
#   from its registry, so policies have not seen them. Names of well-known images are not enough for this
#   policy. A hook that runs the image of its service is reported with the service."
# related_resources:
#   - ref: https://github.com/opencontainers/image-spec/blob/main/config.md
#     description: "OCI image specification: image configuration"
# custom:
#   id: require-image-config
#   severity: medium
#   remediation: "Hand over the configuration of the image (`imageConfigs` of a review, `policyd check
#     --image-configs`), or let policyd read it: `images = \"inspect\"`, with the registry of the image in
#     `image_registries`."
package policyd.policies.require_image_config

import data.policyd.lib.workload

violation contains workload.finding(w, ["image"], msg) if {
	some w in input.workloads
	w.build == null
	w.image_config == null
	w.image != ""
	not w.image in built
	not has_image_of_service(w)
	msg := sprintf("the configuration of the image %s of %s is not known: %s", [w.image, w.title, reason(w.image)])
}

violation contains workload.at(w, w.build.dockerfile_path, msg) if {
	some w in input.workloads
	w.build != null
	w.image_config == null
	base := w.build.base
	not base in {"", "scratch"}
	msg := sprintf("the configuration of the image %s that %s is built from is not known: %s", [w.build.base, w.title, reason(w.build.base)])
}

violation contains workload.at(w, w.build.dockerfile_path, msg) if {
	some w in input.workloads
	w.build != null
	w.image_config == null
	w.build.base == ""
	msg := sprintf("the image that %s is built from is not known", [w.title])
}

# built are the images that the project builds: the services with the builds are evaluated.
built := {w.image | some w in input.workloads; w.build != null}

has_image_of_service(w) if {
	workload.is_hook(w)
	some service in input.workloads
	not workload.is_hook(service)
	service.service == w.service
	service.image == w.image
}

# reasons[image] are the reasons why the configuration of an image was not read.
reasons[each.what] contains each.reason if {
	some each in input.notEvaluated
	each.kind == "image"
}

reason(image) := concat("; ", found) if found := reasons[image]

else := "it was neither handed over nor read from the registry"
