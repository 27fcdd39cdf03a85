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

drivers := data.policyd.tables.drivers

capabilities := data.policyd.tables.capabilities

device_classes := data.policyd.tables.device_classes

steering := data.policyd.tables.runtimes.variables

request_root := data.policyd.lib.mounts.request_root

# of[service] holds every declaration by which the service gets an accelerator:
#   method    as in the grants, with mount in two: device-mount and volume-request
#   vendor
#   devices   "all", ids as they are written, in order and with repetitions, or {"count": n}
#   path      where it stands in the model
#   text      what stands there, for messages
#   names     the CDI names, where there are any
of := {w.name: routes |
	some w in input.workloads
	env := environment.of[w.name]
	mounted := mounts.by_workload[w.name]
	kfd := nodes.kfd(w)
	routes := ((((requests(w) | cdi_names(w)) | runtime(w, env)) | (environment_routes(w) | legacy_image(w, env))) | ((device_nodes(w, kfd) | device_mounts(mounted, kfd)) | volume_requests(mounted))) | (((cgroup(w) | privileged(w)) | api_socket(w, mounted)) | (build(w) | resources(w)))
}

# --- reservation, gpus ----------------------------------------------------------------------------

requests(w) := {route |
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

request_vendor(request) := vendor if vendor := drivers[request.driver]

else := max(vendors) if {
	request.driver == ""
	vendors := {vendor | some capability in request.capabilities; vendor := capabilities[capability]}
	vendors != set()
}

else := "unknown"

# --- cdi ------------------------------------------------------------------------------------------

cdi_names(w) := (of_devices(w) | of_annotations(w)) | of_requests(w)

of_devices(w) := {route |
	some device in w.devices
	some route in named(cdi.names([device.source]), device.path, "devices")
}

of_annotations(w) := {route |
	some key, value in w.annotations
	startswith(key, "cdi.k8s.io/")
	path := array.concat(w.path, ["annotations", key])
	some route in named(cdi.names(split(value, ",")), path, key)
}

of_requests(w) := {route |
	some request in w.device_requests
	request.driver == "cdi"
	path := array.concat(request.path, ["device_ids"])
	some route in named(cdi.names(request.device_ids), path, "device_ids")
}

# named is one route for each vendor of the CDI names.
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

runtime(w, env) := {route |
	w.runtime != ""
	vendor := runtimes.vendor(w.runtime)
	vendor != ""
	devices := runtime_devices(vendor, env)
	devices != []
	route := {
		"method": "runtime",
		"vendor": vendor,
		"devices": devices,
		"path": array.concat(w.path, ["runtime"]),
		"text": runtime_text(w.runtime, vendor, env),
	}
}

runtime_devices(vendor, env) := selection.of(value) if {
	value := env[steering[vendor]]
	is_string(value)
}

else := "all"

runtime_text(name, vendor, env) := sprintf("runtime: %s, %s=%s", [name, variable, value]) if {
	variable := steering[vendor]
	value := env[variable]
	is_string(value)
}

else := sprintf("runtime: %s without %s", [name, variable]) if variable := steering[vendor]

else := sprintf("runtime: %s", [name])

# --- environment ----------------------------------------------------------------------------------

environment_routes(w) := {route |
	some selector in data.policyd.lib.environment.selectors[w.name]
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

# A variable steers the runtime of its own vendor.
steers(selector, w) if {
	w.runtime != ""
	steering[runtimes.vendor(w.runtime)] == selector.name
}

# An image with CUDA_VERSION and without NVIDIA_REQUIRE_CUDA is a legacy image to the toolkit,
# which gives it every GPU.
legacy_image(w, env) := {route |
	not data.policyd.lib.workload.is_hook(w)
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

device_nodes(w, kfd) := {route |
	some device in w.devices
	not cdi.is_name(device.source)
	some vendor in nodes.vendors(device.node, kfd)
	route := {
		"method": "device-node",
		"vendor": vendor,
		"devices": node_devices(device.node),
		"path": device.path,
		"text": device.node,
	}
} | {route |
	some device in w.devices
	guid := nodes.class_guid(device.source)
	route := {
		"method": "device-node",
		"vendor": device_classes[guid],
		"devices": [concat("", ["class/", guid])],
		"path": device.path,
		"text": device.source,
	}
}

device_mounts(mounted, kfd) := {route |
	some found in mounted
	found.class in {"root", "dev"}
	some vendor in mounts.vendors(found.mount.source, kfd)
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

volume_requests(mounted) := plain_requests(made) | cdi_requests(made) if {
	made := [{"id": id, "path": found.mount.path} |
		some found in mounted
		found.class == "volume-request"
		id := mounts.requested(found.mount)
		not startswith(id, "imex/")
	]
}

plain_requests(made) := {route |
	ids := [id | some request in made; id := request.id; not startswith(id, "cdi/")]
	devices := selection.of(concat(",", ids))
	devices != []
	route := {
		"method": "volume-request",
		"vendor": "nvidia",
		"devices": devices,
		"path": made[0].path,
		"text": sprintf("%s/%s", [request_root, concat(", ", ids)]),
	}
}

cdi_requests(made) := {route |
	names := cdi.names([name | some request in made; name := cdi_request(request.id)])
	some of_vendor in named(names, made[0].path, request_root)
	route := object.union(of_vendor, {"method": "volume-request"})
}

cdi_request(id) := sprintf("%s/%s=%s", [parts[1], parts[2], device]) if {
	startswith(id, "cdi/")
	parts := split(id, "/")
	count(parts) > 3
	device := concat("/", array.slice(parts, 3, count(parts)))
}

# --- control group rules, privileges, sockets -----------------------------------------------------

cgroup(w) := {route |
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

everything(method, path, text) := {
	"method": method,
	"vendor": "unknown",
	"devices": "all",
	"path": path,
	"text": text,
}

privileged(w) := {everything("privileged", path, "privileged: true") |
	w.privileged
	path := array.concat(w.path, ["privileged"])
}

api_socket(w, mounted) := {everything("api-socket", path, "use_api_socket: true") |
	w.use_api_socket
	path := array.concat(w.path, ["use_api_socket"])
} | {everything("api-socket", found.mount.path, found.mount.source) |
	some found in mounted
	found.class in {"pipe", "engine-socket"}
}

# --- builds, generic resources --------------------------------------------------------------------

build(w) := set() if w.build == null

build(w) := (privileged_build(w.build) | entitled_build(w.build)) | run_devices(w.build) if w.build != null

privileged_build(section) := {everything("build", path, "build: privileged: true") |
	section.privileged
	path := array.concat(section.path, ["privileged"])
}

entitled_build(section) := {everything("build", path, entitlement) |
	some i, entitlement in section.entitlements
	builds.opens(entitlement)
	path := array.concat(section.path, ["entitlements", i])
}

run_devices(section) := {route |
	some flag in section.run_flags
	flag.name == "device"
	path := section.dockerfile_path
	some of_vendor in named(builds.names(flag.value), path, "RUN --device")
	route := object.union(of_vendor, {"method": "build"})
}

resources(w) := {route |
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
