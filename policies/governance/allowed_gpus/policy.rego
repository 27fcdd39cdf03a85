# METADATA
# title: GPU that nobody is entitled to
# description: "A service is granted a GPU by a method, of a vendor or by an id that no entitlement
#   gives to whoever asks, on the host that the review names. Entitlements are data of the policy
#   set, and add up: one that fits is enough. Who asks and where is read from the review; what it
#   does not say, no entitlement covers."
# custom:
#   id: allowed-gpus
#   severity: high
#   remediation: "Name a GPU that your team may use, or have an entitlement added to the data of the
#     policy set."
#   references:
#     - "NIST SP 800-53 AC-6: least privilege"
#   environment:
#     - NVIDIA_VISIBLE_DEVICES
#     - AMD_VISIBLE_DEVICES
#     - HABANA_VISIBLE_DEVICES
#     - ASCEND_VISIBLE_DEVICES
#     - "DOCKER_RESOURCE_*"
package policyd.policies.allowed_gpus

import data.policyd.lib.gpus
import data.policyd.lib.grants
import data.policyd.lib.hosts
import data.policyd.lib.routes
import data.policyd.lib.workload

entitlements := data.policyd.entitlements

# in_force are the entitlements of whoever asks, on the host that the review names.
in_force := [entitlement |
	some entitlement in entitlements
	covers(entitlement, "users", {input.review.userInfo.username})
	covers(entitlement, "groups", {group | some group in input.review.userInfo.groups})
	covers(entitlement, "hosts", {input.review.source.host})
	covers_repository(entitlement)
]

covers(entitlement, field, _) if not field in object.keys(entitlement)

covers(entitlement, field, values) if {
	some value in entitlement[field]
	value in values
}

covers_repository(entitlement) if covers(entitlement, "repositories", {input.review.source.repository})

# `ml/**` is every repository below ml.
covers_repository(entitlement) if {
	some name in entitlement.repositories
	endswith(name, "/**")
	startswith(input.review.source.repository, trim_suffix(name, "**"))
}

# named are the devices that may be named: vendor, method, id. The id `all` stands for each of them,
# and all at once.
named := {[vendor, method, hosts.device(id)] |
	some entitlement in in_force
	some id in object.get(entitlement, "devices", [])
	some vendor in entitlement.vendors
	some method in entitlement.methods
}

# counts are how many a service may ask for by count: vendor, method, number.
counts := {[vendor, method, number] |
	some entitlement in in_force
	number := object.get(entitlement, "count", 0)
	some vendor in entitlement.vendors
	some method in entitlement.methods
}

# asked[service][vendor] is how many it asks for by count, in all replicas.
asked := {w.name: numbers |
	some w in input.workloads
	numbers := {vendor: number |
		some vendor in {route.vendor | some route in routes.of[w.name]}
		each := [gpus.counted(route) | some route in routes.of[w.name]; route.vendor == vendor]
		number := gpus.bounded(w.replicas) * sum(each)
	}
}

violation contains workload.at(w, route.path, msg) if {
	some w in input.workloads
	some route in routes.of[w.name]
	method := grants.method_of(route)
	not [route.vendor, method, "all"] in named
	what := refused(w, route, method)
	msg := sprintf(
		"service %s gets %s of %s by %s (%s), which no entitlement of %s covers",
		[w.name, what, route.vendor, method, route.text, asker],
	)
}

# refused is what the entitlements do not cover of a route; undefined when that is nothing.
refused(_, route, _) := "every GPU" if route.devices == "all"

refused(w, route, method) := sprintf("%d GPUs", [number]) if {
	is_object(route.devices)
	number := asked[w.name][route.vendor]
	max({0} | {n | some [vendor, m, n] in counts; vendor == route.vendor; m == method}) < number
}

refused(_, route, method) := sprintf("GPU %s", [concat(", ", uncovered)]) if {
	is_array(route.devices)
	uncovered := [id | some id in ids(route); not may_name(route.vendor, method, id)]
	uncovered != []
}

# The index and the UUID of a GPU are one, on a host that the inventory has.
may_name(vendor, method, id) if [vendor, method, data.policyd.lib.hosts.device(id)] in named

ids(route) := data.policyd.lib.gpus.named(route) if route.method in data.policyd.lib.gpus.selecting

else := route.devices

asker := concat(", ", array.concat(who, where)) if array.concat(who, where) != []

else := "whoever asks"

who := [sprintf("%s %s", [kind, name]) |
	some [kind, name] in array.concat(
		[["user", input.review.userInfo.username], ["repository", input.review.source.repository]],
		[["group", group] | some group in input.review.userInfo.groups],
	)
	name != ""
]

where := [sprintf("host %s", [host]) | host := input.review.source.host; host != ""]
