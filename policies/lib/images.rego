package policyd.lib.images

# tag is the tag of the image reference, and "" for none.
tag(image) := substring(last, indexof(last, ":") + 1, -1) if {
	last := last_part(image)
	contains(last, ":")
}

else := ""

# digest holds for an image reference with a digest.
digest(image) if contains(image, "@sha256:")

digest(image) if contains(image, "@sha512:")

# last_part is what follows the last slash, without the digest: a colon before it belongs to a port.
last_part(image) := parts[count(parts) - 1] if parts := split(split(image, "@")[0], "/")

# registry is the registry of the image reference: docker.io, unless the first part is a host.
registry(image) := first if {
	first := split(image, "/")[0]
	contains(image, "/")
	regex.match(`[.:]|^localhost$`, first)
}

else := "docker.io"
