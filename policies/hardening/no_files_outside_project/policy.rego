# METADATA
# title: Secret or config from outside of the project
# description: "A secret or a config is read from a file outside of the project directory. So a project
#   can hand any file of the host to its container."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://docs.docker.com/reference/compose-file/secrets/#file-top-level-element
#     description: "Compose file reference: file-top-level-element"
# custom:
#   id: no-files-outside-project
#   severity: high
#   remediation: "Move the file into the project directory."
package policyd.policies.no_files_outside_project

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.origin in {"secrets", "configs"}
	inside := concat("", [w.project_directory, "/"])
	not startswith(mount.source_raw, inside)
	msg := sprintf("%s gets the file %s, which is outside of the project", [w.title, mount.source_raw])
}
