package policyd.lib.environment

selector_names := data.policyd.tables.selectors.names

selector_prefixes := data.policyd.tables.selectors.prefixes

names := object.keys(selector_names)

prefixes := object.keys(selector_prefixes)

# of[service] is the environment of its containers: ENV of the inline Dockerfile, overridden by
# the service. A null value is a name that is passed through and has no value.
of := {w.name: env | some w in input.workloads; env := merged(w)}

merged(w) := w.environment if w.build == null

merged(w) := object.union(w.build.environment, w.environment) if w.build != null

# path of the variable `name` in the model.
path(w, name) := array.concat(w.path, ["environment", name]) if w.environment[name] != false

else := w.build.dockerfile_path

# selectors[service] holds the variables that select devices: name, value, vendor, path, and
# whether they are those of a hook that runs as a container of its own.
selectors := {w.name: found | some w in input.workloads; found := of_service(w, of[w.name])}

of_service(w, env) := {selector |
	some found in selecting(env)
	selector := object.union(found, {"path": path(w, found.name)})
}

selecting(env) := by_name(env) | by_prefix(env) if {
	strings.any_prefix_match(object.keys(env), prefixes)
}

else := by_name(env)

by_name(env) := {{"name": name, "value": value, "vendor": vendor} |
	some name in (object.keys(env) & names)
	value := env[name]
	vendor := selector_names[name]
}

by_prefix(env) := {{"name": name, "value": value, "vendor": vendor} |
	some prefix, parts in selector_prefixes
	some name, value in env
	startswith(name, prefix)
	some part, vendor in parts
	contains(substring(name, count(prefix), -1), part)
}

is_selector(name) if selector_names[name]

is_selector(name) if {
	some prefix, parts in selector_prefixes
	startswith(name, prefix)
	some part, _ in parts
	contains(substring(name, count(prefix), -1), part)
}
