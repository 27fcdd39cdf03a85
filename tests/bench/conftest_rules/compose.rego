# Rules on a Compose file as it is written or printed, for the comparison with conftest. They look
# for what the default policy set of policyd looks for, as far as one file shows it.
package main

host_paths := {
	"/",
	"/dev",
	"/etc",
	"/proc",
	"/sys",
	"/var/run/docker.sock",
	"/run/docker.sock",
}

capabilities := {"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "NET_ADMIN"}

deny contains sprintf("%s: is privileged", [name]) if {
	some name, service in input.services
	service.privileged == true
}

deny contains sprintf("%s: uses the %s of the host", [name, kind]) if {
	some name, service in input.services
	some kind in ["network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup"]
	service[kind] == "host"
}

deny contains sprintf("%s: adds the capability %s", [name, capability]) if {
	some name, service in input.services
	some capability in service.cap_add
	trim_prefix(upper(capability), "CAP_") in capabilities
}

deny contains sprintf("%s: turns off %s", [name, option]) if {
	some name, service in input.services
	some option in service.security_opt
	regex.match(`^(seccomp|apparmor)[:=]unconfined$`, option)
}

deny contains sprintf("%s: mounts %s", [name, source]) if {
	some name, service in input.services
	some source in sources(service)
	source in host_paths
}

deny contains sprintf("%s: has the device %s", [name, device]) if {
	some name, service in input.services
	some device in service.devices
	regex.match(`^/dev/(nvidia|dri|kfd|mem|sd|nvme)`, path_of(device))
}

deny contains sprintf("%s: has device cgroup rules", [name]) if {
	some name, service in input.services
	count(service.device_cgroup_rules) > 0
}

deny contains sprintf("%s: uses the runtime %s", [name, service.runtime]) if {
	some name, service in input.services
	not service.runtime in {"runc", "nvidia"}
}

deny contains sprintf("%s: reserves all GPUs", [name]) if {
	some name, service in input.services
	some device in service.deploy.resources.reservations.devices
	device.count in {"all", -1}
}

deny contains sprintf("%s: reserves all GPUs", [name]) if {
	some name, service in input.services
	some device in service.deploy.resources.reservations.devices
	not device.count
	not device.device_ids
}

deny contains sprintf("%s: a reserved device needs the capability gpu", [name]) if {
	some name, service in input.services
	some device in service.deploy.resources.reservations.devices
	not "gpu" in device.capabilities
}

deny contains sprintf("%s: selects GPUs by the variable %s", [name, variable]) if {
	some name, service in input.services
	some variable in variables(service)
	regex.match(`^(NVIDIA|HIP|ROCR|CUDA)_VISIBLE_DEVICES`, variable)
}

sources(service) := {source |
	some volume in service.volumes
	source := source_of(volume)
}

source_of(volume) := volume.source if is_object(volume)

source_of(volume) := split(volume, ":")[0] if is_string(volume)

path_of(device) := device.source if is_object(device)

path_of(device) := split(device, ":")[0] if is_string(device)

variables(service) := object.keys(service.environment) if is_object(service.environment)

variables(service) := {variable | some variable in service.environment} if {
	is_array(service.environment)
}
