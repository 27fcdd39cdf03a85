# METADATA
# title: Accelerator of an unknown vendor
# description: "A device request names a driver, or a CDI name has a vendor, that is not in the tables of
#   the policy set. Nobody has described which devices it gives."
# related_resources:
#   - ref: https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md
#     description: "CDI specification, vendor names"
# custom:
#   id: known-accelerator-vendor
#   severity: medium
#   remediation: "Use a driver or a CDI name of a known vendor, or have the vendor added to the
#     tables of the policy set."
package policyd.policies.known_accelerator_vendor

import data.policyd.lib.requests
import data.policyd.lib.workload

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	some request in w.device_requests
	not request.driver in {"", "cdi"}
	not data.policyd.tables.drivers[request.driver]
	requests.selecting(w)[request.path]
	path := array.concat(request.path, ["driver"])
	msg := sprintf("%s uses the driver %s, which is not a known driver", [w.title, request.driver])
}

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	grant.vendor == "unknown"
	has_cdi_names(grant)
	msg := sprintf("%s uses CDI devices of an unknown vendor: %s", [w.title, grant.text])
}

has_cdi_names(grant) if grant.method == "cdi"

has_cdi_names(grant) if grant.form == "volume-request"

has_cdi_names(grant) if {
	grant.method == "build"
	grant.form == "devices"
}
