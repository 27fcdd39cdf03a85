package policyd.lib.requests

# selected are the grants by which the device request `request` of workload `w` selects devices. It is
# empty for a request that selects nothing.
selected(w, request) := [grant |
	some grant in w.grants
	array.slice(grant.path, 0, count(request.path)) == request.path
]
