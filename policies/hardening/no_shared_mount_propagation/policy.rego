# METADATA
# title: Mount propagation
# description: "With shared propagation, a file system that a process mounts in the container appears on
#   the host, and the other way round. With slave propagation, file systems that the host mounts later
#   appear in the container."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.20"
#   - ref: https://docs.docker.com/reference/compose-file/services/#volumes
#     description: "Compose file reference: volumes"
# custom:
#   id: no-shared-mount-propagation
#   severity: high
#   remediation: "Remove `propagation`, so that the mount is private."
#   parameters:
#     propagations:
#       type: array
#       items: {type: string, enum: [shared, rshared, slave, rslave, private, rprivate]}
#       default: [shared, rshared, slave, rslave]
#       description: The propagations that are denied.
package policyd.policies.no_shared_mount_propagation

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-shared-mount-propagation"]
	some w in input.workloads
	some mount in w.mounts
	mount.origin != "volumes_from"
	mount.propagation in c.parameters.propagations
	msg := sprintf("%s mounts %s with the propagation %s", [w.title, mount.source, mount.propagation])
	found := workload.at(w, mount.path, msg)
}
