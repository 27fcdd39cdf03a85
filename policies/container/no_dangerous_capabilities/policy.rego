# METADATA
# title: Capability that leads out of the container
# description: "Each of these capabilities gives a way to devices, to the kernel, to the memory
#   of other processes or to files of the host. MKNOD is a default of the engine: to add it is
#   redundant, or reverts a cap_drop."
# related_resources:
#   - ref: https://www.cisecurity.org/benchmark/docker
#     description: "CIS Docker Benchmark 1.6: 5.4"
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: "Pod Security Standards, baseline and restricted: capabilities"
#   - ref: https://man7.org/linux/man-pages/man7/capabilities.7.html
#     description: "capabilities(7)"
# custom:
#   id: no-dangerous-capabilities
#   severity: high
#   remediation: "Remove the capability from `cap_add`. If the workload does not run without it,
#     ask the owners of the policy set for an exception."
#   parameters:
#     capabilities:
#       type: array
#       items:
#         type: string
#         enum: [
#           ALL, AUDIT_CONTROL, AUDIT_READ, AUDIT_WRITE, BLOCK_SUSPEND, BPF, CHECKPOINT_RESTORE,
#           CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, IPC_LOCK, IPC_OWNER, KILL,
#           LEASE, LINUX_IMMUTABLE, MAC_ADMIN, MAC_OVERRIDE, MKNOD, NET_ADMIN, NET_BIND_SERVICE,
#           NET_BROADCAST, NET_RAW, PERFMON, SETFCAP, SETGID, SETPCAP, SETUID, SYS_ADMIN,
#           SYS_BOOT, SYS_CHROOT, SYS_MODULE, SYS_NICE, SYS_PACCT, SYS_PTRACE, SYS_RAWIO,
#           SYS_RESOURCE, SYS_TIME, SYS_TTY_CONFIG, SYSLOG, WAKE_ALARM]
#       default: [ALL, SYS_ADMIN, SYS_RAWIO, SYS_MODULE, SYS_PTRACE, SYS_BOOT, MKNOD,
#         DAC_READ_SEARCH, BPF, PERFMON, MAC_ADMIN, MAC_OVERRIDE, SYSLOG]
#       description: The capabilities that are denied, without the prefix CAP_. ALL is always denied.
package policyd.policies.no_dangerous_capabilities

import data.policyd.lib.workload

violation contains object.union(found, {"constraint": constraint.name}) if {
	some constraint in input.constraints["no-dangerous-capabilities"]
	some w in input.workloads
	some i, capability in w.cap_add
	denied(constraint.parameters.capabilities, trim_prefix(upper(capability), "CAP_"))
	msg := sprintf("%s adds the capability %s", [w.title, capability])
	found := workload.entry(w, "cap_add", i, msg)
}

denied(capabilities, capability) if capability in capabilities

# ALL includes every capability that a constraint denies.
denied(capabilities, "ALL") if count(capabilities) > 0
