package policyd.lib.requirements

# alternatives are the conditions of an NVIDIA_REQUIRE_… variable: of those that spaces separate,
# one must hold; of one, all terms that commas separate. Source: libnvidia-container, cli/dsl.c.
alternatives(value) := [terms |
	some alternative in split(value, " ")
	terms := [term | some term in split(alternative, ","); term != ""]
	terms != []
]

# met says whether one alternative of `value` holds for `facts`: "cuda", "driver" and "arch" are
# parsed versions ([] for unknown), "brand" a text in lower case ("" for unknown).
met(value, _) if alternatives(value) == []

met(value, facts) if {
	some terms in alternatives(value)
	every term in terms {
		holds(term, facts)
	}
}

# What is not known is taken to hold, as the toolkit does.
holds(term, facts) if {
	parsed := parse(term)
	facts[parsed.name] in {"", []}
}

holds(term, facts) if {
	parsed := parse(term)
	parsed.name in {"cuda", "driver", "arch"}
	data.policyd.lib.versions.compare(facts[parsed.name], parsed.operator, data.policyd.lib.versions.parse(parsed.value))
}

holds(term, facts) if {
	parsed := parse(term)
	parsed.name == "brand"
	parsed.operator in {"=", "!="}
	data.policyd.lib.versions.compare(facts.brand, parsed.operator, lower(parsed.value))
}

parse(term) := {"name": lower(parts[1]), "operator": parts[2], "value": parts[3]} if {
	found := regex.find_all_string_submatch_n(`^([A-Za-z]+)([<>=!]{1,2})([A-Za-z0-9._-]+)$`, term, 1)
	found != []
	parts := found[0]
}
