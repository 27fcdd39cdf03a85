# METADATA
# title: All GPUs of the host
# description: "A workload gets every GPU of the host, however the project writes it: a count of all or
#   below zero, neither a count nor ids, the id all, a CDI name that ends in =all, a runtime without a
#   selection, or an image that selects all on a host whose default runtime honors it. The workload takes
#   the GPUs of all others on the host, and every GPU that is added later."
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
#     description: "NVIDIA Container Toolkit, GPU enumeration"
#   - ref: https://docs.docker.com/compose/how-tos/gpu-support/
#     description: "Docker Compose, GPU support"
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.18"
# custom:
#   id: no-all-gpus
#   severity: high
#   remediation: "Name the GPUs: `device_ids: ['0']` with `driver: nvidia`."
package policyd.policies.no_all_gpus

import data.policyd.lib.workload

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.devices == "all"
	is_asked_for(grant)
	msg := sprintf("%s gets every GPU of the host: %s", [w.title, grant.text])
}

# Other policies are for privileges, mounts, sockets, control group rules, nodes, builds and unknown
# runtimes.
is_asked_for(grant) if grant.method in {"reservation", "gpus", "cdi", "environment"}

is_asked_for(grant) if grant.form == "volume-request"

is_asked_for(grant) if {
	grant.method == "runtime"
	grant.family != ""
}

is_asked_for(grant) if {
	grant.method == "image"
	grant.certainty == "certain"
}
