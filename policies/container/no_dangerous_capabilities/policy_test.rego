package policyd.policies.no_dangerous_capabilities_test

import data.policyd.lib.fixture
import data.policyd.policies.no_dangerous_capabilities

test_capability_is_reported_in_any_spelling_at_its_place if {
	found := no_dangerous_capabilities.violation with input as fixture.app({"cap_add": ["CHOWN", "Cap_Sys_Admin"]})
	found == {{
		"msg": "service app adds the capability Cap_Sys_Admin",
		"service": "app",
		"path": ["services", "app", "cap_add", 1],
	}}
}

test_every_capability_that_leads_out_is_reported if {
	names := [
		"ALL", "SYS_ADMIN", "SYS_RAWIO", "SYS_MODULE", "SYS_PTRACE", "SYS_BOOT", "MKNOD", "DAC_READ_SEARCH", "BPF",
		"PERFMON", "MAC_ADMIN", "MAC_OVERRIDE", "SYSLOG",
	]
	found := no_dangerous_capabilities.violation with input as fixture.app({"cap_add": names})
	count(found) == 13
}

test_dropped_and_similar_ones_are_not if {
	found := no_dangerous_capabilities.violation with input as fixture.app({"cap_drop": ["ALL", "SYS_ADMIN"], "cap_add": ["SYS_NICE", "SYS_TIME", "NET_ADMIN"]})
	found == set()
}
