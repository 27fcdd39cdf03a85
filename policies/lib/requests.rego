package policyd.lib.requests

# selecting are the grants by which the device requests of workload `w` select devices, by the path of the
# request. A request that selects nothing has none.
selecting(w) := {array.slice(grant.path, 0, count(grant.path) - 1): grant |
	some grant in w.grants
	grant.method in {"reservation", "gpus"}
}
