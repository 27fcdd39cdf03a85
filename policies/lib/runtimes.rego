package policyd.lib.runtimes

containing := data.policyd.tables.runtimes.containing

vetted := data.policyd.tables.runtimes.vetted

tokens := data.policyd.tables.runtimes.tokens

# vendor of a runtime: a vendor, "unknown" for a name that may be anything, "" for vetted ones.
vendor(runtime) := of_name(lower(trim_space(runtime)))

of_name(name) := "" if name == ""

else := owner if {
	some part, owner in containing
	contains(name, part)
}

else := "" if vetted[name]

else := min(owners) if {
	owners := {owner |
		some token in regex.split(`[^a-z0-9]+`, name)
		owner := tokens[token]
	}
	owners != set()
}

else := "unknown"
