package policyd.lib.cuda

images := data.policyd.tables.cuda_images

drivers := data.policyd.tables.cuda_drivers

compatible_drivers := data.policyd.tables.cuda_minor_version_drivers

# of_image are the versions of CUDA that the tag of a well-known image says, as texts.
of_image(image) := {version |
	some row in images
	found := regex.find_all_string_submatch_n(row.pattern, image, 1)
	found != []
	version := of_tag(found[0][1], object.get(row, "versions", {}))
}

of_tag(version, versions) := major_minor(version) if versions == {}

of_tag(release, versions) := major_minor(versions[release]) if versions != {}

# missing says what driver a host would need for a version of CUDA; undefined where its own is new
# enough. `minor` says whether any driver of the same major version of CUDA will do.
missing(host, version, minor) := needed(version, minor) if {
	asked := data.policyd.lib.versions.parse(version)
	data.policyd.lib.versions.parse(host.cuda_version) < asked
	not runs(host, needed(version, minor))
}

runs(host, driver) if data.policyd.lib.versions.parse(host.driver_version) >= data.policyd.lib.versions.parse(driver)

# needed is the oldest driver for a version of CUDA, "" for one that is not in the tables.
needed(version, true) := compatible_drivers[major(version)] if compatible_drivers[major(version)]

needed(version, true) := by_version(version) if not compatible_drivers[major(version)]

needed(version, false) := by_version(version)

by_version(version) := driver if driver := drivers[major_minor(version)]

else := ""

major(version) := split(version, ".")[0]

major_minor(version) := concat(".", array.slice(split(version, "."), 0, 2))
