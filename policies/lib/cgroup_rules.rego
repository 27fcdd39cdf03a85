package policyd.lib.cgroup_rules

majors := data.policyd.tables.majors

# parse returns type, major and minor (without leading zeros) and permissions of a rule, as the
# engine reads it; undefined for a rule that the engine refuses.
parse(rule) := {
	"type": parts[1],
	"major": number(parts[2]),
	"minor": number(parts[3]),
	"permissions": parts[4],
} if {
	found := regex.find_all_string_submatch_n(
		`^([abc]) ([0-9]+|[*]):([0-9]+|[*]) ([rwm]{1,3})$`,
		rule,
		1,
	)
	found != []
	parts := found[0]
}

number(text) := "0" if trim_left(text, "0") == ""

number(text) := trim_left(text, "0") if trim_left(text, "0") != ""

# danger says why a rule, as written, is reported; undefined for harmless rules.
danger(rule) := of_parsed(parse(rule))

danger(rule) := "it is malformed" if not well_formed(rule)

well_formed(rule) if parse(rule)

of_parsed(rule) := "it covers every device" if rule.type == "a"

else := "it covers block devices" if rule.type == "b"

else := "it covers every character device" if rule.major == "*"

else := "it covers an accelerator major" if majors[rule.major]

else := "it covers a dynamic major, as accelerators have" if dynamic(rule.major)

else := "it covers VFIO" if {
	rule.major == "10"
	rule.minor in {"*", "196"}
}

else := "it covers physical memory" if memory(rule)

memory(rule) if {
	rule.major == "1"
	rule.minor in {"*", "1", "2", "4"}
}

dynamic(major) if {
	count(major) == 3
	number_of := to_number(major)
	number_of >= 234
	number_of <= 254
}

dynamic(major) if {
	count(major) == 3
	number_of := to_number(major)
	number_of >= 384
	number_of <= 511
}

# granted is what a rule opens for reading or writing: {"vendor", "devices"}; undefined if nothing.
granted(rule) := {"vendor": vendor(parsed), "devices": devices(parsed)} if {
	parsed := parse(rule)
	of_parsed(parsed)
	parsed.type != "b"
	not memory(parsed)
	regex.match(`[rw]`, parsed.permissions)
}

vendor(rule) := "unknown" if rule.type == "a"

else := owner if owner := majors[rule.major]

else := "unknown"

devices(rule) := "all" if rule.type == "a"

else := "all" if "*" in {rule.major, rule.minor}

else := [concat(":", [rule.major, rule.minor])]
