package policyd.lib.cdi

cdi_vendors := data.policyd.tables.cdi_vendors

# is_name: `text` is vendor/class=device by the grammar of the CDI specification.
is_name(text) if {
	regex.match(
		`^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?=[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$`,
		text,
	)
}

all_devices(name) if {
	endswith(name, "=all")
	is_name(name)
}

# names are the CDI names in a list of texts, in order.
names(texts) := [name | some text in texts; name := trim_space(text); is_name(name)]

device(name) := substring(name, indexof(name, "=") + 1, -1)

vendor(name) := of_domain(split(name, "/")[0])

# of_domain is the vendor of the longest known domain that `domain` is or lies below.
of_domain(domain) := longest[1] if {
	matching := [[count(known), owner] |
		some known, owner in cdi_vendors
		endswith(concat("", [".", domain]), concat("", [".", known]))
	]
	matching != []
	longest := max(matching)
}

else := "unknown"

# devices: "all" if any of the names is, else the names.
devices(names_of_vendor) := "all" if {
	some name in names_of_vendor
	all_devices(name)
}

else := names_of_vendor
