# METADATA
# title: Mount of host devices
# description: "A mounted device node, or a mounted folder of nodes, is visible in the container.
#   The container can open it as soon as its control group allows that. A read-only mount does not
#   prevent this."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.6"
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.18"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline: hostPath volumes"
# custom:
#   id: no-host-dev-mounts
#   severity: critical
#   remediation: "Remove the mount. Declare a GPU as a reservation: `driver: nvidia` with
#     `device_ids: ['0']`. For a device that no driver of Docker gives, ask the owners of the
#     policy set for an exception."
package policyd.policies.no_host_dev_mounts

import data.policyd.lib.workload

violation contains workload.at(w, mount.path, msg) if {
	some w in input.workloads
	some mount in w.mounts
	mount.host_class == "dev"
	msg := sprintf("%s mounts devices of the host: %s", [w.title, mount.source])
}
