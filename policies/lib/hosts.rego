package policyd.lib.hosts

# reviewed is the host that the review names, as the inventory describes it. It is undefined for other
# hosts.
reviewed := data.policyd.inventory.hosts[input.review.source.host]

is_known if reviewed

# gpu_of has the GPU to which a device of the reviewed host belongs, by the identity of the device: the
# index of a GPU, or the UUID of a MIG device in lower case.
gpu_of[sprintf("%d", [gpu.index])] := gpu if some gpu in reviewed.gpus

gpu_of[lower(part.uuid)] := gpu if {
	some gpu in reviewed.gpus
	some part in object.get(gpu, "mig_devices", [])
}

# has says whether the reviewed host has the device with the identity `id`.
has(id) if gpu_of[id]

# identity is the form in which the device `id` of a vendor can be compared, as policyd gives it in
# `identities` of grants: one form for all names of one device.
identity(vendor, id) := found if {
	vendor == "nvidia"
	found := by_name[written(device(vendor, id))]
}

else := id if is_foreign_name(vendor, id)

else := written(device(vendor, id))

# is_foreign_name holds for a CDI name that is not one of the vendor.
is_foreign_name(vendor, id) if {
	contains(id, "=")
	regex.match(data.policyd.lib.hosts.cdi_name, id)
	data.policyd.lib.hosts.device(vendor, id) == id
}

# by_name has the identity of each device of the reviewed host by each of its other names.
by_name[name] := index if {
	some gpu in reviewed.gpus
	index := sprintf("%d", [gpu.index])
	some name in {lower(gpu.uuid), concat("", ["gpu", index])} | {pci | pci := written(object.get(gpu, "pci", "")); pci != ""}
}

by_name[name] := lower(part.uuid) if {
	some gpu in reviewed.gpus
	some part in object.get(gpu, "mig_devices", [])
	some name in {sprintf("%d:%d", [gpu.index, part.index]), sprintf("mig%d:%d", [gpu.index, part.index])}
}

cdi_name := `^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?=[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$`

# device is the device part of a CDI name of the vendor, and any other id as it is.
device(vendor, id) := split(id, "=")[1] if {
	vendor != "unknown"
	contains(id, "=")
	regex.match(cdi_name, id)
	some known, owner in data.policyd.tables.cdi_vendors
	owner == vendor
	endswith(concat("", [".", split(id, "/")[0]]), concat("", [".", known]))
}

else := id

written(id) := digits(trim_prefix(id, "+")) if regex.match(`^[+]?[0-9]+$`, id)

else := lower(id) if regex.match(`^(gpu-|mig-|0x)`, lower(id))

else := concat(":", [padded(parts[0], 8), padded(parts[1], 2), padded(parts[2], 4)]) if {
	endswith(id, ".0")
	regex.match(`^[0-9a-f]+:[0-9a-f]+:[0-9a-f]+[.]0$`, lower(id))
	parts := split(lower(id), ":")
}

else := concat(":", [digits(parts[0]), digits(parts[1])]) if {
	regex.match(`^[0-9]+:[0-9]+$`, id)
	parts := split(id, ":")
}

else := id

digits(text) := "0" if trim_left(text, "0") == ""

else := trim_left(text, "0")

# padded has zeros before a number that is shorter than `length` without its own.
padded(text, length) := trimmed if {
	trimmed := trim_left(text, "0")
	count(trimmed) >= length
}

else := substring(filled, count(filled) - length, -1) if {
	filled := concat("", ["00000000", trim_left(text, "0")])
}
