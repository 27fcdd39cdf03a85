package policyd.lib.builds

# opens: an entitlement that gives build steps the devices of the host.
opens(entitlement) if entitlement in {"security.insecure", "device"}

opens(entitlement) if startswith(entitlement, "device=")

# names of the CDI devices in `RUN --device=[name=]VENDOR/CLASS[=DEVICE][,required]`.
names(value) := [replace(name, "=*", "=all") |
	name := trim_prefix(split(value, ",")[0], "name=")
	regex.match(`^[^/=]+/[^/=]+(=.+)?$`, name)
]
