# METADATA
# title: Executable tmpfs
# description: "The engine mounts a tmpfs without the right to execute files and without setuid. The
#   option exec or suid reverts that, so an attacker can run what they download."
# related_resources:
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 8: set the file system and volumes to
#       read-only"
#   - ref: https://docs.docker.com/reference/compose-file/services/#tmpfs
#     description: "Compose file reference: tmpfs"
# custom:
#   id: no-executable-tmpfs
#   severity: low
#   remediation: "Remove the options `exec` and `suid`."
package policyd.policies.no_executable_tmpfs

import data.policyd.lib.workload

violation contains workload.at(w, entry.path, msg) if {
	some w in input.workloads
	some entry in w.tmpfs
	some option in entry.options
	option in {"exec", "suid"}
	msg := sprintf("%s mounts a tmpfs with the option %s at %s", [w.title, option, entry.target])
}
