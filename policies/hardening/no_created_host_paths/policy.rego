# METADATA
# title: Mount that creates a folder on the host
# description: "The engine creates the source of the mount as root if it does not exist. A typing error, or a
#   host without the folder, then becomes an empty folder outside of the project, where the program expects
#   its files."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://docs.docker.com/reference/compose-file/services/#volumes
#     description: "Compose file reference: volumes, create_host_path"
# custom:
#   id: no-created-host-paths
#   severity: low
#   remediation: "Use the long syntax: `{type: bind, source: /srv/data, target: /data, bind:
#     {create_host_path: false}}`."
package policyd.policies.no_created_host_paths

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in workload.containers
	some mount in w.mounts
	mount.type == "bind"
	mount.origin == "volumes"
	not is_inside(mount.source_raw, w.project_directory)
	not must_exist(w, mount.path)
	msg := sprintf("%s mounts %s, which the engine creates on the host if it does not exist", [w.title, mount.source_raw])
}

is_inside(source, folder) if source == folder

is_inside(source, folder) if startswith(source, concat("", [folder, "/"]))

must_exist(w, path) if workload.keys(w).volumes[path[3]].bind.create_host_path == false
