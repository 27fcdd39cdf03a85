package policyd.lib.environment

# by_workload[name] is the environment of the workload: the ENV of its Dockerfile, overridden by its own
# variables. A null value belongs to a variable that is passed through and has no value.
by_workload := {w.name: env | some w in input.workloads; env := merged(w)}

merged(w) := w.environment if w.build == null

merged(w) := object.union(w.build.environment, w.environment) if w.build != null

# path of the variable `name` in the model.
path(w, name) := array.concat(w.path, ["environment", name]) if w.environment[name] != false

else := w.build.dockerfile_path

# is_credential holds for the name of a variable that is that of a credential.
is_credential(name) := regex.match(
	`(?i)(^|_)(password|passwd|secret|token|api_?key|access_?key|private_?key|credentials?)$`,
	name,
)

# may_contain holds for the value at a model path that may be a credential, here or at deployment.
may_contain(_, value) if not is_harmless(value)

may_contain(path, _) if {
	some unset in input.unresolved
	unset.path == path
}

# is_harmless holds for the value of such a variable that is a switch, empty or the path of a secret.
is_harmless(value) if value in {"", "yes", "no", "true", "false", "0", "1"}

is_harmless(value) if {
	is_string(value)
	startswith(value, "/run/secrets/")
}
