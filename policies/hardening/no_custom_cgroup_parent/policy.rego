# METADATA
# title: Control group of its own choice
# description: "In a control group that the project names, the container can escape the limits that the
#   host sets for all containers."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.25"
#   - ref: https://docs.docker.com/reference/compose-file/services/#cgroup_parent
#     description: "Compose file reference: cgroup_parent"
# custom:
#   id: no-custom-cgroup-parent
#   severity: medium
#   remediation: "Remove `cgroup_parent`."
package policyd.policies.no_custom_cgroup_parent

import data.policyd.lib.workload

violation contains workload.finding(w, ["cgroup_parent"], msg) if {
	some w in workload.containers
	w.cgroup_parent != ""
	msg := sprintf("%s runs in the control group %s", [w.title, w.cgroup_parent])
}
