# METADATA
# title: GPU without an entitlement
# description: "A workload gets a GPU, and no entitlement gives that vendor, method or device to the
#   requester on the host that the review names. Entitlements are data of the policy set and add up: one
#   that fits is enough. Every device that a range or a list selects needs one. If the review does not say
#   who asks or for which host, no entitlement that needs it fits."
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: "NIST SP 800-53 AC-6, least privilege"
# custom:
#   id: allowed-gpus
#   severity: high
#   remediation: "Name a GPU that your team may use, or have an entitlement added to the data of the policy
#     set."
package policyd.policies.allowed_gpus

import data.policyd.lib.gpus
import data.policyd.lib.hosts
import data.policyd.lib.workload

entitlements := data.policyd.entitlements

# in_force are the entitlements of the requester on the host that the review names.
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

# named are the devices that may be used: vendor, method, identity. The id `all` stands for each device
# and for all at once.
named := {[vendor, method, hosts.identity(vendor, id)] |
	some entitlement in in_force
	some id in object.get(entitlement, "devices", [])
	some vendor in entitlement.vendors
	some method in entitlement.methods
}

# counts are the numbers of devices that a workload may ask for: vendor, method, number.
counts := {[vendor, method, number] |
	some entitlement in in_force
	number := object.get(entitlement, "count", 0)
	some vendor in entitlement.vendors
	some method in entitlement.methods
}

# asked[workload][vendor] is the number of devices that it asks for by count, in all replicas.
asked := {w.name: numbers |
	some w in input.workloads
	numbers := {vendor: number |
		some vendor in {grant.vendor | some grant in w.grants}
		each := [gpus.counted(grant) | some grant in w.grants; grant.vendor == vendor]
		number := gpus.bounded(w.replicas) * sum(each)
	}
}

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in gpus.granted(w)
	not [grant.vendor, grant.method, "all"] in named
	what := refused(w, grant)
	msg := sprintf(
		"%s gets %s of %s by %s (%s), which no entitlement of %s covers",
		[w.title, what, grant.vendor, grant.method, grant.text, requester],
	)
}

# refused is the part of a grant that no entitlement covers. It is undefined if there is none.
refused(_, grant) := "every GPU" if grant.devices == "all"

refused(w, grant) := sprintf("%d GPUs", [number]) if {
	is_object(grant.devices)
	number := asked[w.name][grant.vendor]
	max({0} | {n | some [vendor, method, n] in counts; vendor == grant.vendor; method == grant.method}) < number
}

refused(_, grant) := sprintf("GPU %s", [concat(", ", uncovered)]) if {
	is_array(grant.devices)
	uncovered := [id | some id in grant.identities; not [grant.vendor, grant.method, id] in named]
	uncovered != []
}

requester := concat(", ", array.concat(who, where)) if array.concat(who, where) != []

else := "the requester"

who := [sprintf("%s %s", [kind, name]) |
	some [kind, name] in array.concat(
		[["user", input.review.userInfo.username], ["repository", input.review.source.repository]],
		[["group", group] | some group in input.review.userInfo.groups],
	)
	name != ""
]

where := [sprintf("host %s", [host]) | host := input.review.source.host; host != ""]
