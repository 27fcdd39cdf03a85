# METADATA
# title: Volume that several services write to
# description: "Several services can write to one volume or one path of the host. One that is compromised
#   can change what the others read."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://docs.docker.com/reference/compose-file/services/#volumes
#     description: "Compose file reference: volumes"
# custom:
#   id: no-shared-volumes
#   severity: low
#   remediation: "Give each service a volume of its own, or mount the volume read-only in all services but
#     one."
package policyd.policies.no_shared_volumes

import data.policyd.lib.workload

# writers has, by what is mounted, the names of the services that can write to it.
writers[mount.source] contains w.name if {
	some w in workload.containers
	some mount in w.mounts
	is_shared(mount)
}

is_shared(mount) if {
	mount.type in {"bind", "volume"}
	mount.source != ""
	mount.origin in {"volumes", "driver_opts", "volumes_from"}
	not mount.read_only
}

violation contains workload.at(w, mount.path, msg) if {
	some w in workload.containers
	some mount in w.mounts
	is_shared(mount)
	others := writers[mount.source] - {w.name}
	count(others) > 0
	msg := sprintf("%s and %s can both write to %s", [w.title, concat(", ", sort(others)), mount.source])
}
