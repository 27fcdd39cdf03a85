package policyd.lib.hosts

# reviewed is the host that the review names, as the inventory has it; undefined for other hosts.
reviewed := data.policyd.inventory.hosts[input.review.source.host]

is_known if reviewed

# by_name is what goes by a name in lower case on the reviewed host: its UUID, and its GPU. The names
# are those that nvidia-container-cli and CDI know: index, UUID, PCI address, GPU and MIG index.
by_name := {name: {"uuid": part.uuid, "gpu": gpu} |
	some gpu in reviewed.gpus
	some part in array.concat([gpu], object.get(gpu, "mig_devices", []))
	some name in names(gpu, part)
}

names(gpu, part) := gpu_names(gpu) if gpu == part

else := {sprintf("%d:%d", [gpu.index, part.index]), sprintf("mig%d:%d", [gpu.index, part.index]), lower(part.uuid)}

gpu_names(gpu) := {sprintf("%d", [gpu.index]), sprintf("gpu%d", [gpu.index]), lower(gpu.uuid)} | pci_names(gpu)

pci_names(gpu) := {pci, trim_prefix(pci, "0000")} if pci := lower(gpu.pci)

else := set()

# has says whether the reviewed host has what goes by `id`.
has(id) if by_name[lower(id)]

# device is the UUID of what goes by `id` on the reviewed host, or `id` where nothing does.
device(id) := uuid if uuid := lower(by_name[lower(id)].uuid)

else := id
