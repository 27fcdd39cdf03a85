package policyd.lib.selection

import data.policyd.lib.cdi

# of reads a list of devices as the NVIDIA Container Toolkit does (devicesFromEnvvars,
# NewVisibleDevices): "all", or the ids as written, or [] for no device.
of(text) := chosen([id | some raw in split(text, ","); id := trim_space(raw); id != ""])

chosen(ids) := [] if "void" in ids

chosen(ids) := decided([id | some id in ids; decides(id)], ids) if not "void" in ids

decided([], ids) := ids

decided(deciding, _) := [] if deciding[0] == "none"

decided(deciding, _) := "all" if deciding[0] != "none"

decides(id) if id in {"all", "none"}

decides(id) if cdi.all_devices(id)
