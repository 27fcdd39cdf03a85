# METADATA
# title: Device control group rule
# description: "A rule gives access to devices by number, whatever the name of the device node.
#   With a node that the container creates or mounts, this is access to the device itself. Where
#   systemd manages control groups, runc takes annotations that begin with
#   org.systemd.property.Device for such rules."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.18"
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.25"
#   - ref: https://github.com/opencontainers/runc/blob/main/docs/systemd.md
#     description: "runc: auxiliary properties of the systemd unit"
#   - ref: https://docs.docker.com/reference/compose-file/services/#device_cgroup_rules
#     description: "Compose file reference: device_cgroup_rules"
# custom:
#   id: no-device-cgroup-rules
#   severity: high
#   remediation: "Remove the rule. Declare a GPU as a reservation: `driver: nvidia` with
#     `device_ids: ['0']`. For a device that no driver of Docker gives, ask the owners of the
#     policy set for an exception."
package policyd.policies.no_device_cgroup_rules

import data.policyd.lib.workload

violation contains workload.at(w, rule.path, msg) if {
	some w in input.workloads
	some rule in w.device_cgroup_rules
	rule.danger != ""
	msg := sprintf("%s has the device rule %s: %s", [w.title, rule.rule, rule.danger])
}

violation contains workload.finding(w, ["annotations", key], msg) if {
	some w in input.workloads
	some key, value in w.annotations
	startswith(key, "org.systemd.property.Device")
	msg := sprintf("%s sets the device rules of its systemd unit by the annotation %s: %s", [w.title, key, value])
}
