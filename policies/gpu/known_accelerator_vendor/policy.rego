# METADATA
# title: Accelerator of an unknown vendor
# description: "A device request names a driver, or a CDI name a vendor, that is not in the
#   tables: nobody has said what it gives."
# custom:
#   id: known-accelerator-vendor
#   severity: medium
#   remediation: "Use a known driver or CDI vendor, or have the vendor added to the tables of the
#     policy set."
#   references:
#     - "CDI Specification: vendor names"
package policyd.policies.known_accelerator_vendor

import data.policyd.lib.routes
import data.policyd.lib.workload

drivers := data.policyd.tables.drivers

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	some request in w.device_requests
	not known(request.driver)
	routes.requested(request) != []
	path := array.concat(request.path, ["driver"])
	msg := sprintf("service %s uses the driver %s, which is not a known one", [w.name, request.driver])
}

violation contains workload.at(w, route.path, msg) if {
	some w in input.workloads
	some route in routes.of[w.name]
	route.vendor == "unknown"
	some name in object.get(route, "names", [])
	msg := sprintf("service %s uses the CDI device %s of an unknown vendor", [w.name, name])
}

known(driver) if driver in {"", "cdi"}

known(driver) if drivers[driver]
