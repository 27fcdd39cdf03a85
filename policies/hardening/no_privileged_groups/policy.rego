# METADATA
# title: Group with rights on the host
# description: "A process in one of these groups can use files and devices of the host that root gave to
#   the group, such as disks and the socket of the engine, as soon as they are mounted."
# related_resources:
#   - ref: https://docs.docker.com/reference/compose-file/services/#group_add
#     description: "Compose file reference: group_add"
#   - ref: https://docs.docker.com/engine/security/#docker-daemon-attack-surface
#     description: "Docker: attack surface of the daemon"
# custom:
#   id: no-privileged-groups
#   severity: medium
#   remediation: "Remove the group from `group_add`."
#   parameters:
#     groups:
#       type: array
#       items: {type: string}
#       default: ['0', root, disk, docker, kmem, lxd, shadow, sudo, wheel]
#       description: Names and numbers of groups that a container must not join.
package policyd.policies.no_privileged_groups

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-privileged-groups"]
	some w in input.workloads
	some i, group in w.group_add
	group in c.parameters.groups
	msg := sprintf("%s joins the group %s", [w.title, group])
	found := workload.finding(w, ["group_add", i], msg)
}
