# METADATA
# title: One GPU for several containers
# description: "Two workloads get the same GPU, a workload names one twice, or a service with several
#   replicas gets GPUs that all its replicas share. They share memory and time of the GPU without
#   isolation. A count is always that many GPUs from the first on. The names of one GPU (index, UUID, PCI
#   address, CDI name) are one GPU, for UUID and PCI address if the inventory has the host. Workloads whose
#   profiles exclude each other are not compared."
# related_resources:
#   - ref: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/
#     description: "NVIDIA Multi-Instance GPU user guide"
# custom:
#   id: no-shared-gpu-ids
#   severity: medium
#   remediation: "Name another GPU for each service and for each replica with `device_ids`."
package policyd.policies.no_shared_gpu_ids

import data.policyd.lib.workload

# holders[gpu] are the names of the workloads that get a GPU.
holders[gpu] contains w.name if {
	some w in input.workloads
	some grant in w.grants
	some id in selected(w, grant)
	gpu := key(grant.vendor, id)
}

key(vendor, id) := concat("=", [vendor, id])

# selected are the identities of the GPUs that a grant selects, those of a count included.
selected(w, grant) := grant.identities if {
	data.policyd.lib.gpus.is_selection(grant)
	pairs := all_of[w.name]
	not [grant.vendor, grant.method] in pairs
}

else := []

# all_of[name] are the vendors and methods by which a workload gets all GPUs. Each device request is for
# itself.
all_of := {w.name: pairs |
	some w in input.workloads
	pairs := {[grant.vendor, grant.method] |
		some grant in w.grants
		grant.devices == "all"
		not grant.method in {"reservation", "gpus"}
	}
}

by_name := {w.name: w | some w in input.workloads}

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	some grant in w.grants
	some id in selected(w, grant)
	others := {other.title |
		some name in holders[key(grant.vendor, id)]
		other := by_name[name]
		are_together(w, other)
	}
	others != set()
	msg := sprintf("%s gets GPU %s, which is also given to %s", [w.title, id, concat(" and ", sort(others))])
}

# are_together says whether two workloads may run at the same time. A hook ends before its service starts.
are_together(w, other) if {
	w.service != other.service
	not exclude(w.profiles, other.profiles)
}

# exclude says whether two workloads can be started apart only: each has profiles, they have none in
# common, and no call activates one of each.
exclude(profiles, others) if {
	profiles != []
	others != []
	own := {profile | some profile in profiles}
	foreign := {profile | some profile in others}
	own & foreign == set()
	not are_requested(own, foreign)
}

are_requested(own, foreign) if {
	requested := {profile | some profile in input.requestedProfiles}
	has_active(own, requested)
	has_active(foreign, requested)
}

has_active(profiles, requested) if profiles & requested != set()

has_active(_, requested) if "*" in requested

# named are the identities that a grant names, in order and with repetitions.
named(w, grant) := selected(w, grant) if is_array(grant.devices)

else := []

# ids are the identities that a workload names by one method, in order and with repetitions.
ids(w, vendor, method) := [id |
	some grant in w.grants
	grant.vendor == vendor
	grant.method == method
	some id in named(w, grant)
]

violation contains workload.at(w, path, msg) if {
	some w in input.workloads
	some [vendor, method] in {[grant.vendor, grant.method] | some grant in w.grants; named(w, grant) != []}
	ordered := sort(ids(w, vendor, method))
	some i, id in ordered
	ordered[i + 1] == id
	path := min([grant.path | some grant in w.grants; grant.vendor == vendor; grant.method == method; id in named(w, grant)])
	msg := sprintf("%s names GPU %s twice (%s)", [w.title, id, method])
}

violation contains workload.at(w, grant.path, msg) if {
	some w in input.workloads
	w.replicas > 1
	some grant in w.grants
	selected(w, grant) != []
	msg := sprintf(
		"%s has %d replicas, which all get the same GPUs: %s",
		[w.title, w.replicas, grant.text],
	)
}
