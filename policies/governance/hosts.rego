package policyd.lib.hosts

# reviewed is the host that the review names, as the inventory has it; undefined for other hosts.
reviewed := data.policyd.inventory.hosts[input.review.source.host]

is_known if reviewed

# find is what goes by `id` on the reviewed host, as nvidia-container-cli finds it: by index, UUID,
# PCI address, or GPU and MIG index. It is a set of {"uuid", "gpu"}, where `gpu` is the whole one.
find(id) := gpus(lower(id)) | mig_devices(lower(id))

gpus(id) := {{"uuid": gpu.uuid, "gpu": gpu} |
	some gpu in reviewed.gpus
	id in gpu_names(gpu)
}

mig_devices(id) := {{"uuid": mig.uuid, "gpu": gpu} |
	some gpu in reviewed.gpus
	some mig in object.get(gpu, "mig_devices", [])
	id in mig_names(gpu, mig)
}

gpu_names(gpu) := {sprintf("%d", [gpu.index]), sprintf("gpu%d", [gpu.index]), lower(gpu.uuid)} | pci_names(gpu)

pci_names(gpu) := {pci, trim_prefix(pci, "0000")} if pci := lower(gpu.pci)

else := set()

mig_names(gpu, mig) := {
	sprintf("%d:%d", [gpu.index, mig.index]),
	sprintf("mig%d:%d", [gpu.index, mig.index]),
	lower(mig.uuid),
}

# device is the UUID of what goes by `id` on the reviewed host, or `id` where nothing does.
device(id) := lower(min({found.uuid | some found in find(id)})) if find(id) != set()

else := id
