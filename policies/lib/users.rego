package policyd.lib.users

# by_workload[name] is the user of the workload, where it is known: by `user`, by its Dockerfile or by the
# configuration of its image. It has the user, the path of what sets it, and a text for messages.
by_workload[w.name] := found if {
	some w in input.workloads
	found := of_workload(w)
}

of_workload(w) := user(w.user, ["user"], w, "user: ") if split(w.user, ":")[0] != ""

else := of_dockerfile(w.build) if {
	w.build != null
	w.build.user != ""
}

else := user("0", ["image"], w, "its image sets no user; without one it is ") if {
	w.image_config != null
	w.image_config.user == ""
}

else := user(w.image_config.user, ["image"], w, "its image sets the user ") if w.image_config != null

of_dockerfile(build) := {
	"user": build.user,
	"path": build.dockerfile_path,
	"text": sprintf("its Dockerfile sets the user %s", [build.user]),
}

user(name, keys, w, text) := {
	"user": name,
	"path": array.concat(w.path, keys),
	"text": concat("", [text, name]),
}

# is_root holds for a user who is root, by name or by number, with or without a group.
is_root(user) if regex.match(`^([+-]?0+|root)(:|$)`, user)
