package policyd.lib.requirements

# The conditions of NVIDIA's images have about 2,000 characters; longer ones than this are not read.
longest := 20000

# alternatives are the conditions of an NVIDIA_REQUIRE_… variable: of those that spaces separate,
# one must hold; of one, all terms that commas separate. Source: libnvidia-container, cli/dsl.c.
alternatives(value) := [terms |
	some alternative in split(value, " ")
	terms := [term | some term in split(alternative, ","); term != ""]
	terms != []
]

# met says whether one alternative of `value` holds for `facts`: "cuda", "driver" and "arch" are
# parsed versions ([] for unknown), "brand" a text in lower case ("" for unknown).
met(value, _) if trim(value, " ,") == ""

met(value, facts) if {
	count(value) <= longest
	some terms in alternatives(value)
	every term in terms {
		holds(parse(term), facts)
	}
}

# What is not known is taken to hold, as the toolkit does.
holds(term, facts) if facts[term.name] in {"", []}

holds(term, facts) if {
	term.name != "brand"
	data.policyd.lib.versions.compare(facts[term.name], term.operator, data.policyd.lib.versions.parse(term.value))
}

holds(term, facts) if {
	term.name == "brand"
	term.operator in {"=", "!="}
	data.policyd.lib.versions.compare(facts.brand, term.operator, lower(term.value))
}

parse(term) := {"name": lower(parts[1]), "operator": parts[2], "value": parts[3]} if {
	found := regex.find_all_string_submatch_n(`^([A-Za-z]+)([<>=!]{1,2})([A-Za-z0-9._-]+)$`, term, 1)
	found != []
	parts := found[0]
}
