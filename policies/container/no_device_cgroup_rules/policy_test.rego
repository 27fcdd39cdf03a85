package policyd.policies.no_device_cgroup_rules_test

import data.policyd.lib.fixture
import data.policyd.policies.no_device_cgroup_rules

rule(text) := {"device_cgroup_rules": [{"rule": text, "path": ["services", "app", "device_cgroup_rules", 0]}]}

test_dangerous_rules_are_reported_with_the_reason if {
	every text, reason in {
		"c 195:* rwm": "it covers an accelerator major",
		"c 0226:128 m": "it covers an accelerator major",
		"c *:* r": "it covers every character device",
		"a *:* rwm": "it covers every device",
		"b 8:0 r": "it covers block devices",
		"c 234:* rw": "it covers a dynamic major, as accelerators have",
		"c 511:0 rw": "it covers a dynamic major, as accelerators have",
		"c 10:196 rw": "it covers VFIO",
		"c 1:1 r": "it covers physical memory",
		"c 195:*": "it is malformed",
		"c 195:* rwx": "it is malformed",
	} {
		found := no_device_cgroup_rules.violation with input as fixture.app(rule(text))
		found == {{
			"msg": sprintf("service app has the device rule %s: %s", [text, reason]),
			"service": "app",
			"path": ["services", "app", "device_cgroup_rules", 0],
		}}
	}
}

test_other_majors_are_not if {
	every text in [
		"c 188:* rwm", "c 189:* rw", "c 116:* rw", "c 10:200 rw", "c 1:3 rw", "c 255:0 rw", "c 383:0 rw", "c 512:0 r",
		"c 2340:0 r",
	] {
		found := no_device_cgroup_rules.violation with input as fixture.app(rule(text))
		found == set()
	}
}
