# METADATA
# title: Service made by a provider
# description: "A provider is a program on the host that creates what the file does not show, and
#   sets variables in other services."
# custom:
#   id: no-provider-services
#   severity: medium
#   remediation: "Replace it by a container, or have the provider vetted."
#   references:
#     - "Compose Specification: provider services"
package policyd.policies.no_provider_services

import data.policyd.lib.workload

violation contains workload.finding(w, ["provider"], msg) if {
	some w in input.workloads
	w.provider != ""
	msg := sprintf("service %s is made by the provider %s on the host", [w.name, w.provider])
}
