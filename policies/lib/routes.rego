package policyd.lib.routes

import data.policyd.lib.builds
import data.policyd.lib.cdi
import data.policyd.lib.cgroup_rules
import data.policyd.lib.environment
import data.policyd.lib.generic_resources
import data.policyd.lib.mounts
import data.policyd.lib.nodes
import data.policyd.lib.runtimes
import data.policyd.lib.selection

# of[service] holds every declaration by which the service gets an accelerator:
#   method    as in the grants, with mount in two: device-mount and volume-request
#   vendor
#   devices   "all", ids as they are written, in order and with repetitions, or {"count": n}
#   path      where it stands in the model
#   text      what stands there, for messages
#   names     the CDI names, where there are any

# --- reservation, gpus ----------------------------------------------------------------------------

of[w.name] contains route if {
	some w in input.workloads
	some request in w.device_requests
	request.driver != "cdi"
	devices := requested(request)
	devices != []
	route := {
		"method": request.source,
		"vendor": request_vendor(request),
		"devices": devices,
		"path": array.concat(request.path, [request_key(request)]),
		"text": request_text(request),
	}
}

# requested is "all", ids, {"count": n} or [] for nothing.
requested(request) := selection.of(concat(",", request.device_ids)) if request.device_ids != []

else := "all" if request.count < 0

else := {"count": request.count} if request.count > 0

else := []

request_key(request) := "device_ids" if request.device_ids != []

else := "count"

request_text(request) := sprintf("device_ids: %s", [concat(", ", request.device_ids)]) if {
	request.device_ids != []
}

else := sprintf("count: %d", [request.count]) if request.count >= 0

else := "count: all"

request_vendor(request) := vendor if vendor := data.policyd.tables.drivers[request.driver]

else := max(vendors) if {
	request.driver == ""
	vendors := {vendor |
		some capability in request.capabilities
		vendor := data.policyd.tables.capabilities[capability]
	}
	vendors != set()
}

else := "unknown"

# --- cdi ------------------------------------------------------------------------------------------

of[w.name] contains route if {
	some w in input.workloads
	some device in w.devices
	some route in named(cdi.names([device.source]), device.path, "devices")
}

of[w.name] contains route if {
	some w in input.workloads
	some key, value in w.annotations
	startswith(key, "cdi.k8s.io/")
	path := array.concat(w.path, ["annotations", key])
	some route in named(cdi.names(split(value, ",")), path, key)
}

of[w.name] contains route if {
	some w in input.workloads
	some request in w.device_requests
	request.driver == "cdi"
	path := array.concat(request.path, ["device_ids"])
	some route in named(cdi.names(request.device_ids), path, "device_ids")
}

named(names, path, key) := {route |
	some vendor in {cdi.vendor(name) | some name in names}
	own := [name | some name in names; cdi.vendor(name) == vendor]
	route := {
		"method": "cdi",
		"vendor": vendor,
		"devices": cdi.devices(own),
		"names": own,
		"path": path,
		"text": sprintf("%s: %s", [key, concat(", ", own)]),
	}
}

# --- runtime --------------------------------------------------------------------------------------

of[w.name] contains route if {
	some w in input.workloads
	w.runtime != ""
	vendor := runtimes.vendor(w.runtime)
	vendor != ""
	devices := runtime_devices(vendor, environment.of[w.name])
	devices != []
	route := {
		"method": "runtime",
		"vendor": vendor,
		"devices": devices,
		"path": array.concat(w.path, ["runtime"]),
		"text": runtime_text(w.runtime, vendor, environment.of[w.name]),
	}
}

runtime_devices(vendor, env) := selection.of(value) if {
	value := env[data.policyd.tables.runtimes.variables[vendor]]
	is_string(value)
}

else := "all"

runtime_text(runtime, vendor, env) := sprintf("runtime: %s, %s=%s", [runtime, name, value]) if {
	name := data.policyd.tables.runtimes.variables[vendor]
	value := env[name]
	is_string(value)
}

else := sprintf("runtime: %s without %s", [runtime, name]) if {
	name := data.policyd.tables.runtimes.variables[vendor]
}

else := sprintf("runtime: %s", [runtime])

# --- environment ----------------------------------------------------------------------------------

of[w.name] contains route if {
	some w in input.workloads
	some selector in environment.selectors[w.name]
	is_string(selector.value)
	not steers(selector, w)
	devices := selection.of(selector.value)
	devices != []
	route := {
		"method": "environment",
		"vendor": selector.vendor,
		"devices": devices,
		"path": selector.path,
		"text": sprintf("%s=%s", [selector.name, selector.value]),
	}
}

# A variable steers the runtime of its own vendor; hooks run under the default runtime.
steers(selector, w) if {
	not selector.hook
	w.runtime != ""
	data.policyd.tables.runtimes.variables[runtimes.vendor(w.runtime)] == selector.name
}

# An image with CUDA_VERSION and without NVIDIA_REQUIRE_CUDA is a legacy image to the toolkit,
# which gives it every GPU.
of[w.name] contains route if {
	some w in input.workloads
	env := environment.of[w.name]
	is_string(env.CUDA_VERSION)
	env.CUDA_VERSION != ""
	object.get(env, "NVIDIA_REQUIRE_CUDA", "") in {"", null}
	not "NVIDIA_VISIBLE_DEVICES" in object.keys(env)
	w.device_requests == []
	runtimes.vendor(w.runtime) != "nvidia"
	route := {
		"method": "environment",
		"vendor": "nvidia",
		"devices": "all",
		"path": environment.path(w, "CUDA_VERSION"),
		"text": sprintf("CUDA_VERSION=%s without NVIDIA_REQUIRE_CUDA", [env.CUDA_VERSION]),
	}
}

# --- device nodes and mounts ----------------------------------------------------------------------

of[w.name] contains route if {
	some w in input.workloads
	some device in w.devices
	not cdi.is_name(device.source)
	some vendor in nodes.vendors(device.node, nodes.kfd(w))
	route := {
		"method": "device-node",
		"vendor": vendor,
		"devices": node_devices(device.node),
		"path": device.path,
		"text": device.node,
	}
}

of[w.name] contains route if {
	some w in input.workloads
	some device in w.devices
	guid := nodes.class_guid(device.source)
	route := {
		"method": "device-node",
		"vendor": data.policyd.tables.device_classes[guid],
		"devices": [concat("", ["class/", guid])],
		"path": device.path,
		"text": device.source,
	}
}

of[w.name] contains route if {
	some w in input.workloads
	some found in mounts.found[w.name]
	found.class in {"root", "dev"}
	some vendor in mounts.vendors(found.mount.source, nodes.kfd(w))
	route := {
		"method": "device-mount",
		"vendor": vendor,
		"devices": mount_devices(found.mount.source),
		"path": found.mount.path,
		"text": found.mount.source,
	}
}

node_devices(path) := "all" if nodes.holds_all(path)

else := [path]

# A directory of a driver holds nodes that cannot be told one from the other.
mount_devices(path) := node_devices(path) if startswith(path, "/dev")

else := "all"

of[w.name] contains route if {
	some w in input.workloads
	requests := volume_requests(w)
	ids := [id | some request in requests; id := request.id; not startswith(id, "cdi/")]
	devices := selection.of(concat(",", ids))
	devices != []
	route := {
		"method": "volume-request",
		"vendor": "nvidia",
		"devices": devices,
		"path": requests[0].path,
		"text": sprintf("%s/%s", [mounts.request_root, concat(", ", ids)]),
	}
}

of[w.name] contains route if {
	some w in input.workloads
	requests := volume_requests(w)
	names := cdi.names([name | some request in requests; name := cdi_request(request.id)])
	some named_route in named(names, requests[0].path, mounts.request_root)
	route := object.union(named_route, {"method": "volume-request"})
}

volume_requests(w) := [{"id": id, "path": mount.path} |
	some mount in w.mounts
	mount.type == "bind"
	id := mounts.requested(mount)
	id != ""
	not startswith(id, "imex/")
]

cdi_request(id) := sprintf("%s/%s=%s", [parts[1], parts[2], concat("/", array.slice(parts, 3, count(parts)))]) if {
	startswith(id, "cdi/")
	parts := split(id, "/")
	count(parts) > 3
}

# --- control group rules --------------------------------------------------------------------------

of[w.name] contains route if {
	some w in input.workloads
	some rule in w.device_cgroup_rules
	granted := cgroup_rules.granted(rule.rule)
	route := {
		"method": "cgroup-rule",
		"vendor": granted.vendor,
		"devices": granted.devices,
		"path": rule.path,
		"text": rule.rule,
	}
}

# --- privileges, sockets --------------------------------------------------------------------------

everything(method, path, text) := {
	"method": method,
	"vendor": "unknown",
	"devices": "all",
	"path": path,
	"text": text,
}

of[w.name] contains everything("privileged", path, "privileged: true") if {
	some w in input.workloads
	w.privileged
	path := array.concat(w.path, ["privileged"])
}

of[w.name] contains everything("privileged", path, "pre_start: privileged: true") if {
	some w in input.workloads
	some hook in w.hooks
	hook.stage == "pre_start"
	hook.privileged
	path := array.concat(hook.path, ["privileged"])
}

of[w.name] contains everything("api-socket", path, "use_api_socket: true") if {
	some w in input.workloads
	w.use_api_socket
	path := array.concat(w.path, ["use_api_socket"])
}

of[w.name] contains everything("api-socket", found.mount.path, found.mount.source) if {
	some w in input.workloads
	some found in mounts.found[w.name]
	found.class in {"pipe", "socket"}
}

# --- builds ---------------------------------------------------------------------------------------

of[w.name] contains everything("build", path, "build: privileged: true") if {
	some w in input.workloads
	w.build != null
	w.build.privileged
	path := array.concat(w.build.path, ["privileged"])
}

of[w.name] contains everything("build", path, entitlement) if {
	some w in input.workloads
	w.build != null
	some i, entitlement in w.build.entitlements
	builds.opens(entitlement)
	path := array.concat(w.build.path, ["entitlements", i])
}

of[w.name] contains route if {
	some w in input.workloads
	w.build != null
	some flag in w.build.run_flags
	flag.name == "device"
	path := array.concat(w.build.path, ["dockerfile_inline"])
	some cdi_route in named(builds.names(flag.value), path, "RUN --device")
	route := object.union(cdi_route, {"method": "build"})
}

# --- generic resources ----------------------------------------------------------------------------

of[w.name] contains route if {
	some w in input.workloads
	some resource in w.generic_resources
	resource.value > 0
	vendor := generic_resources.vendor(resource.kind)
	route := {
		"method": "generic-resource",
		"vendor": vendor,
		"devices": {"count": resource.value},
		"path": resource.path,
		"text": sprintf("%s: %d", [resource.kind, resource.value]),
	}
}
