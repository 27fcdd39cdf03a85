package policyd.lib.runtimes

# vendor of a runtime: a vendor, "unknown" for a name that may be anything, "" for vetted ones.
vendor(runtime) := of_name(lower(trim_space(runtime)))

of_name(name) := "" if name == ""

else := owner if {
	some part, owner in data.policyd.tables.runtimes.containing
	contains(name, part)
}

else := "" if data.policyd.tables.runtimes.vetted[name]

else := min(owners) if {
	owners := {owner |
		some token in regex.split(`[^a-z0-9]+`, name)
		owner := data.policyd.tables.runtimes.tokens[token]
	}
	owners != set()
}

else := "unknown"
