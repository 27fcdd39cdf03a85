package policyd.lib.environment

# of[service] is the environment of its containers: ENV of the inline Dockerfile, overridden by
# the service. A null value is a name that is passed through and has no value.
of[w.name] := w.environment if {
	some w in input.workloads
	w.build == null
}

of[w.name] := object.union(w.build.environment, w.environment) if {
	some w in input.workloads
	w.build != null
}

# path of the variable `name` in the model.
path(w, name) := array.concat(w.path, ["environment", name]) if name in object.keys(w.environment)

else := array.concat(w.build.path, ["dockerfile_inline"])

# selectors[service] holds the variables that select devices: name, value, vendor, path, and
# whether they are those of a hook that runs as a container of its own.
selectors[w.name] contains selector if {
	some w in input.workloads
	some found in selecting(of[w.name])
	selector := object.union(found, {"path": path(w, found.name), "hook": false})
}

selectors[w.name] contains selector if {
	some w in input.workloads
	some hook in w.hooks
	hook.stage == "pre_start"
	some found in selecting(hook.environment)
	where := array.concat(hook.path, ["environment", found.name])
	selector := object.union(found, {"path": where, "hook": true})
}

selecting(env) := by_name(env) | by_prefix(env)

by_name(env) := {{"name": name, "value": value, "vendor": vendor} |
	some name, vendor in data.policyd.tables.selectors.names
	value := env[name]
}

by_prefix(env) := {{"name": name, "value": value, "vendor": vendor} |
	some prefix, parts in data.policyd.tables.selectors.prefixes
	some name, value in env
	startswith(name, prefix)
	some part, vendor in parts
	contains(substring(name, count(prefix), -1), part)
}

is_selector(name) if data.policyd.tables.selectors.names[name]

is_selector(name) if {
	some prefix, parts in data.policyd.tables.selectors.prefixes
	startswith(name, prefix)
	some part, _ in parts
	contains(substring(name, count(prefix), -1), part)
}
