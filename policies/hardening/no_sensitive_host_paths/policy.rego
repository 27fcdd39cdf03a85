# METADATA
# title: Sensitive path of the host
# description: "The container sees files of the host that hold credentials, state of other programs or the
#   configuration of the host, even if it can only read them. Paths that other policies of the pack
#   container report are left out."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: hostPath volumes"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 8: set the file system and volumes to
#       read-only"
#   - ref: https://docs.docker.com/reference/compose-file/services/#volumes
#     description: "Compose file reference: volumes"
# custom:
#   id: no-sensitive-host-paths
#   severity: high
#   remediation: "Mount only the file or the folder that the program needs, or use a named volume."
#   parameters:
#     trees:
#       type: array
#       items: {type: string}
#       default: [/bin, /boot, /dev, /etc, /lib, /lib64, /proc, /root, /run, /sbin, /sys, /usr/bin, /usr/lib, /usr/sbin]
#       description: Paths of the host that are reported, with everything below them.
#     folders:
#       type: array
#       items: {type: string}
#       default: [/, /home, /media, /mnt, /opt, /srv, /tmp, /usr, /usr/local, /var, /var/lib, /var/log]
#       description: Paths of the host that are reported without what is below them.
#     allowed:
#       type: array
#       items: {type: string}
#       default: [/etc/localtime, /etc/timezone, /dev/null, /dev/zero, /dev/random, /dev/urandom]
#       description: Paths that are never reported.
#     credential_names:
#       type: array
#       items: {type: string}
#       default: [.ssh, .aws, .azure, .kube, .docker, .gnupg, .netrc]
#       description: Names of folders and files with credentials, wherever they are.
package policyd.policies.no_sensitive_host_paths

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": c.name}) if {
	some c in input.constraints["no-sensitive-host-paths"]
	some w in input.workloads
	some mount in w.mounts
	mount.type == "bind"
	mount.origin != "volumes_from"
	mount.host_class == ""
	is_sensitive(c.parameters, mount.source)
	msg := sprintf("%s mounts the sensitive path %s of the host", [w.title, mount.source])
	found := workload.at(w, mount.path, msg)
}

is_sensitive(parameters, source) if {
	source in parameters.folders
	not source in parameters.allowed
}

is_sensitive(parameters, source) if {
	not source in parameters.allowed
	some path in parameters.trees
	startswith(concat("", [source, "/"]), concat("", [path, "/"]))
}

is_sensitive(parameters, source) if {
	some name in split(source, "/")
	name in parameters.credential_names
}
