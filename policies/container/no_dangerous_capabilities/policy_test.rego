package policyd.policies.no_dangerous_capabilities_test

import data.policyd.lib.fixture
import data.policyd.policies.no_dangerous_capabilities

default_capabilities := [
	"ALL", "SYS_ADMIN", "SYS_RAWIO", "SYS_MODULE", "SYS_PTRACE", "SYS_BOOT", "MKNOD", "DAC_READ_SEARCH", "BPF",
	"PERFMON", "MAC_ADMIN", "MAC_OVERRIDE", "SYSLOG",
]

constraints(capabilities) := {"no-dangerous-capabilities": [{
	"name": "c",
	"parameters": {"capabilities": capabilities},
}]}

# added is the input of a service "app" with `cap_add`, and one constraint that denies `capabilities`.
added(capabilities, cap_add) := object.union(
	fixture.app({"cap_add": cap_add}),
	{"constraints": constraints(capabilities)},
)

test_capability_is_reported_in_any_spelling_at_its_position if {
	found := no_dangerous_capabilities.violation with input as added(default_capabilities, ["CHOWN", "Cap_Sys_Admin"])
	found == {{
		"msg": "service app adds the capability Cap_Sys_Admin",
		"service": "app",
		"path": ["services", "app", "cap_add", 1],
		"constraint": "c",
	}}
}

test_every_default_capability_is_reported if {
	found := no_dangerous_capabilities.violation with input as added(default_capabilities, default_capabilities)
	count(found) == 13
}

test_only_listed_capabilities_are_reported if {
	found := no_dangerous_capabilities.violation with input as added(["SYS_ADMIN"], ["SYS_PTRACE", "CAP_SYS_ADMIN"])
	{v.path[3] | some v in found} == {1}
}

test_all_is_reported_for_any_list_but_an_empty_one if {
	reported := no_dangerous_capabilities.violation with input as added(["NET_ADMIN"], ["all"])
	{v.msg | some v in reported} == {"service app adds the capability all"}
	none := no_dangerous_capabilities.violation with input as added([], ["ALL"])
	none == set()
}

test_capability_of_a_hook_is_reported_at_its_list if {
	hooked := object.union(fixture.with_hook({"cap_add": ["BPF"]}), {"constraints": constraints(["BPF"])})
	found := no_dangerous_capabilities.violation with input as hooked
	found == {{
		"msg": "hook 0 of service app adds the capability BPF",
		"service": "app",
		"path": ["services", "app", "pre_start", 0, "cap_add"],
		"constraint": "c",
	}}
}

test_dropped_and_similar_ones_are_not if {
	plain := fixture.app({"cap_drop": ["ALL", "SYS_ADMIN"], "cap_add": ["SYS_NICE", "SYS_TIME", "NET_ADMIN"]})
	found := no_dangerous_capabilities.violation with input as object.union(
		plain,
		{"constraints": constraints(default_capabilities)},
	)
	found == set()
}
