package policyd.lib.fixture

# service is a workload with everything empty but for `fields`.
service(name, fields) := object.union(empty(name), fields)

empty(name) := {
	"name": name,
	"path": ["services", name],
	"kind": "service",
	"service": name,
	"title": sprintf("service %s", [name]),
	"hook": null,
	"triggers": null,
	"inherited": null,
	"image": "registry.example/app:1",
	"image_config": null,
	"platform": "",
	"replicas": 1,
	"profiles": [],
	"runtime": "",
	"privileged": false,
	"use_api_socket": false,
	"user": "",
	"cap_add": [],
	"cap_drop": [],
	"security_opt": [],
	"pid": "",
	"ipc": "",
	"uts": "",
	"userns_mode": "",
	"cgroup": "",
	"cgroup_parent": "",
	"network_mode": "",
	"provider": "",
	"volumes_from": [],
	"device_requests": [],
	"devices": [],
	"device_cgroup_rules": [],
	"generic_resources": [],
	"mounts": [],
	"environment": {},
	"labels": {},
	"annotations": {},
	"build": null,
	"hooks": [],
	"memory_limit": 0,
	"cpu_limit": 0,
	"pids_limit": 0,
	"read_only": false,
	"ports": [],
	"networks": ["default"],
	"extra_hosts": [],
	"tmpfs": [],
	"healthcheck": "",
	"logging": {"driver": "", "options": {}},
	"restart": {"condition": "no", "max_attempts": 0, "path": []},
	"sysctls": {},
	"ulimits": {},
	"group_add": [],
	"oom_kill_disable": false,
	"oom_score_adj": 0,
	"container_name": "",
	"pull_policy": "",
	"tty": false,
	"project_directory": "/project",
	"runtime_class": "",
	"selectors": [],
	"grants": [],
	"compatibility": [],
}

# grant is a grant of service "app": the GPU 0 by a reservation, unless `fields` say otherwise.
grant(fields) := object.union(
	{
		"method": "reservation",
		"vendor": "nvidia",
		"devices": ["0"],
		"identities": ["0"],
		"certainty": "certain",
		"form": "",
		"family": "",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "device_ids"],
		"text": "device_ids: 0",
	},
	fields,
)

# by_ids has a grant of the NVIDIA GPUs with `ids` by reservation.
by_ids(ids) := {"grants": [grant({"devices": ids, "identities": ids, "text": sprintf("device_ids: %s", [concat(", ", ids)])})]}

# by_count has a grant of `number` NVIDIA GPUs by reservation.
by_count(number) := {"grants": [counted(number)]}

counted(number) := grant({
	"devices": {"count": number},
	"identities": [sprintf("%d", [index]) | some index in numbers.range(0, min([number, 129]) - 1)],
	"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0, "count"],
	"text": sprintf("count: %d", [number]),
})

# everything is a grant of all devices by `method`.
everything(method, text) := grant({"method": method, "devices": "all", "identities": [], "text": text})

# granted is the input of a service "app" with one grant.
granted(fields) := app({"grants": [grant(fields)]})

# reservation is the only device reservation of service "app".
reservation(fields) := object.union(
	{
		"source": "reservation",
		"path": ["services", "app", "deploy", "resources", "reservations", "devices", 0],
		"driver": "nvidia",
		"count": 0,
		"device_ids": [],
		"capabilities": ["gpu"],
		"options": {},
	},
	fields,
)

# device is the only entry of `devices` of service "app".
device(node) := {
	"source": node,
	"target": node,
	"permissions": "rwm",
	"node": node,
	"path": ["services", "app", "devices", 0],
	"disk": "",
}

# bind is the only mount of service "app", writable. It reaches nothing of the host.
bind(source, target) := reaching("", source, target)

# reaching is a bind of `source` that has the class `class`: see `host_class` of mounts.
reaching(class, source, target) := {
	"type": "bind",
	"source": source,
	"source_raw": source,
	"target": target,
	"read_only": false,
	"origin": "volumes",
	"path": ["services", "app", "volumes", 0],
	"volume": "",
	"fstype": "",
	"host_class": class,
	"request": "",
	"disk": "",
	"propagation": "",
}

# requesting is a mount that requests devices of the NVIDIA runtime: "all", "0", "imex/0".
requesting(request) := object.union(
	reaching("volume-request", "/dev/null", concat("/", ["/var/run/nvidia-container-devices", request])),
	{"request": request},
)

# rule is the only device rule of service "app"; `danger` is the reason for which it is dangerous.
rule(text, danger) := {
	"rule": text,
	"path": ["services", "app", "device_cgroup_rules", 0],
	"danger": danger,
}

# build is the build section of service "app".
build(fields) := object.union(
	{
		"path": ["services", "app", "build"],
		"context": ".",
		"dockerfile": "",
		"dockerfile_inline": "",
		"dockerfile_path": ["services", "app", "build", "dockerfile_inline"],
		"base": "",
		"base_platform": "",
		"user": "",
		"privileged": false,
		"entitlements": [],
		"network": "",
		"environment": {},
		"run_flags": [],
	},
	fields,
)

# hook is the first command of service "app" at `stage`.
hook(stage, fields) := object.union(
	{
		"stage": stage,
		"path": ["services", "app", stage, 0],
		"privileged": false,
		"user": "",
		"environment": {},
	},
	fields,
)

# with_hook is the input of service "app" with a pre_start hook that has `fields` beyond it.
with_hook(fields) := with_hook_of({}, fields)

with_hook_of(service_fields, fields) := {
	"constraints": {},
	"workloads": [service("app", service_fields), pre_start(fields)],
	"unresolved": [],
}

# pre_start is the first pre_start hook of service "app".
pre_start(fields) := object.union_n([
	empty("app/pre_start/0"),
	{
		"path": ["services", "app", "pre_start", 0],
		"kind": "hook",
		"service": "app",
		"title": "hook 0 of service app",
		"hook": 0,
	},
	fields,
])

# input of a service "app" with `fields`.
app(fields) := {"constraints": {}, "workloads": [service("app", fields)], "unresolved": []}

# keys is the input of a service "app" whose effective model has `own`.
keys(own) := object.union(app({}), {"project": {"services": {"app": own}}, "credentials": []})
