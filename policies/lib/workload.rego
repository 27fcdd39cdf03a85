package policyd.lib.workload

# finding is the violation of workload `w` at the model path `keys` below it.
finding(w, keys, msg) := {"msg": msg, "service": service(w), "path": array.concat(w.path, keys)}

# at is the violation of workload `w` at a whole model path.
at(w, path, msg) := {"msg": msg, "service": service(w), "path": path}

# service is the name of the service or job; a hook has that of its service.
service(w) := object.get(w, "service", w.name)

# containers are the services and jobs. A hook has what its service sets, unless it says otherwise; a provider
# makes no container.
containers := [w | some w in input.workloads; not is_hook(w); w.provider == ""]

# is_hook holds for a pre_start hook, which is a container of its own.
is_hook(w) if object.get(w, "kind", "service") == "hook"

# entry is the violation of workload `w` by the entry `index` of the list `key`. For a hook, the list holds
# only what the hook has beyond its service, so the path names the list.
entry(w, key, _, msg) := data.policyd.lib.workload.finding(w, [key], msg) if data.policyd.lib.workload.is_hook(w)

entry(w, key, index, msg) := data.policyd.lib.workload.finding(w, [key, index], msg) if {
	not data.policyd.lib.workload.is_hook(w)
}

# keys are what the effective model has for a service or a job.
keys(w) := input.project[w.path[0]][w.path[1]]
