# METADATA
# title: Socket of a service manager of the host
# description: "The workload mounts the socket of a manager of the host, such as D-Bus, systemd,
#   libvirt or LXD, or the folder of such a socket. The manager acts as root on the host for its
#   clients. A read-only mount does not prevent this."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.32"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: hostPath volumes"
#   - ref: https://github.com/flatpak/xdg-dbus-proxy
#     description: "Flatpak xdg-dbus-proxy"
# custom:
#   id: no-host-service-sockets
#   severity: critical
#   remediation: "Remove the mount. If the workload needs a part of the manager, mount the
#     socket of a filtering proxy in a folder of its own, or ask the owners of the policy set
#     for an exception."
package policyd.policies.no_host_service_sockets

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.host_class == "service-socket"
	msg := sprintf("%s mounts the socket of a service manager of the host: %s", [w.title, mount.source])
}
