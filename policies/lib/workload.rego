package policyd.lib.workload

# finding is the violation of workload `w` at the model path `keys` below it.
finding(w, keys, msg) := {"msg": msg, "service": w.name, "path": array.concat(w.path, keys)}

# at is the violation of workload `w` at a whole model path.
at(w, path, msg) := {"msg": msg, "service": w.name, "path": path}
