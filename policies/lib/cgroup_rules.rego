package policyd.lib.cgroup_rules

majors := data.policyd.tables.majors

usb_majors := data.policyd.tables.usb_majors

# parse returns the type, the major and the minor (without leading zeros) and the permissions of a rule,
# as the engine reads it. It is undefined for a rule that the engine refuses.
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

# danger is the reason for which a rule, as written, is reported. It is undefined for harmless rules.
danger(rule) := of_parsed(parse(rule))

danger(rule) := "it is malformed" if not well_formed(rule)

well_formed(rule) if parse(rule)

of_parsed(rule) := "it covers every device" if rule.type == "a"

else := "it covers block devices" if rule.type == "b"

else := "it covers every character device" if rule.major == "*"

else := "it covers an accelerator major" if majors[rule.major]

else := "it covers a dynamic major, as accelerators have" if dynamic(rule.major)

else := "it covers the USB bus, which has accelerators on this host" if {
	usb_majors[rule.major]
	data.policyd.lib.hosts.has_usb_accelerators
}

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
