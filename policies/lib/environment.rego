package policyd.lib.environment

# by_workload[name] is the environment of the workload: the ENV of its Dockerfile, overridden by its own
# variables. A null value belongs to a variable that is passed through and has no value.
by_workload := {w.name: env | some w in input.workloads; env := merged(w)}

merged(w) := w.environment if w.build == null

merged(w) := object.union(w.build.environment, w.environment) if w.build != null

# path of the variable `name` in the model.
path(w, name) := array.concat(w.path, ["environment", name]) if w.environment[name] != false

else := w.build.dockerfile_path
