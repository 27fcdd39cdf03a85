package policyd.lib.gpus

# No project deploys more. The engines read the product of larger numbers differently.
most := 1000000

bounded(number) := min([number, most])

# granted are the grants of workload `w` on which a limit or an entitlement applies. The image of a
# workload counts only where it is certain that the host honors it.
granted(w) := [grant | some grant in w.grants; not is_uncertain_image(grant)]

is_uncertain_image(grant) if {
	grant.method == "image"
	grant.certainty != "certain"
}

# is_selection holds for a grant whose devices are GPUs: an identity is one GPU, a count so many.
is_selection(grant) if grant.method in {"reservation", "gpus", "cdi", "runtime", "environment"}

is_selection(grant) if grant.form == "volume-request"

# named are the identities of the GPUs that a grant names, in order.
named(grant) := grant.identities if {
	is_array(grant.devices)
	is_selection(grant)
}

else := []

# counted is how many GPUs a grant gives without naming them.
counted(grant) := bounded(grant.devices.count) if is_object(grant.devices)

else := 0
