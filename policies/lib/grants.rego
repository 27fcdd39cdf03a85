package policyd.lib.grants

import data.policyd.lib.routes

# Each declaration of these methods is a grant of its own; others add up to one grant for each
# service, vendor and method.
single := {"reservation", "gpus", "generic-resource"}

# methods of the grants that are told in two by the routes.
methods := {"device-mount": "mount", "volume-request": "mount"}

# all holds the ways by which the services get accelerators.
all contains grant(w, route.vendor, route.method, [route]) if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.method in single
}

all contains grant(w, vendor, method, own) if {
	some w in input.workloads
	merged := [route | some route in routes.of[w.name]; not route.method in single]
	some [vendor, method] in {[route.vendor, method_of(route)] | some route in merged}
	own := [route | some route in merged; route.vendor == vendor; method_of(route) == method]
}

method_of(route) := object.get(methods, route.method, route.method)

grant(w, vendor, method, own) := {
	"service": data.policyd.lib.workload.service(w),
	"vendor": vendor,
	"method": method,
	"devices": devices(own),
	"replicas": w.replicas,
	"path": min([route.path | some route in own]),
}

devices(own) := "all" if {
	some route in own
	route.devices == "all"
}

else := own[0].devices if is_object(own[0].devices)

else := sort({id | some route in own; some id in route.devices})
