package policyd.lib.generic_resources

resource_kinds := data.policyd.tables.resource_kinds

# vendor of a kind that names accelerators; undefined for other kinds.
vendor(kind) := chosen({owner |
	some token in regex.split(`[^A-Z0-9]+`, upper(kind))
	owner := resource_kinds[token]
})

chosen(owners) := max(owners - {"unknown"}) if owners - {"unknown"} != set()

else := "unknown" if owners != set()
