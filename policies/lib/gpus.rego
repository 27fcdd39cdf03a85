package policyd.lib.gpus

# Methods whose devices are said: an id stands for one GPU, a count for so many.
selecting := {"reservation", "gpus", "cdi", "runtime", "environment", "volume-request"}

# Nobody deploys more; a product of larger numbers is read differently by the engines.
most := 1000000

bounded(number) := min([number, most])

# named are the ids of a route, in order; of a CDI name of the route's vendor the device part.
named(route) := [id |
	route.method in selecting
	is_array(route.devices)
	some raw in route.devices
	id := plain(raw, route.vendor)
]

plain(id, vendor) := data.policyd.lib.cdi.device(id) if {
	contains(id, "/gpu=")
	data.policyd.lib.cdi.is_name(id)
	data.policyd.lib.cdi.vendor(id) == vendor
}

else := id

# counted is how many GPUs a route asks for without naming them.
counted(route) := bounded(route.devices.count) if is_object(route.devices)

else := 0
