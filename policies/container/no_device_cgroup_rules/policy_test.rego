package policyd.policies.no_device_cgroup_rules_test

import data.policyd.lib.fixture
import data.policyd.policies.no_device_cgroup_rules

test_dangerous_rule_is_reported_with_the_reason if {
	rules := [fixture.rule("c 195:* rwm", "it covers an accelerator major")]
	found := no_device_cgroup_rules.violation with input as fixture.app({"device_cgroup_rules": rules})
	found == {{
		"msg": "service app has the device rule c 195:* rwm: it covers an accelerator major",
		"service": "app",
		"path": ["services", "app", "device_cgroup_rules", 0],
	}}
}

test_harmless_rule_is_not if {
	rules := [fixture.rule("c 188:* rwm", "")]
	found := no_device_cgroup_rules.violation with input as fixture.app({"device_cgroup_rules": rules})
	found == set()
}

test_device_rule_by_an_annotation_is_reported if {
	annotations := {"org.systemd.property.DeviceAllow": "[]", "org.systemd.property.TimeoutStopSec": "5"}
	found := no_device_cgroup_rules.violation with input as fixture.app({"annotations": annotations})
	msg := concat("", [
		"service app sets the device rules of its systemd unit by the annotation ",
		"org.systemd.property.DeviceAllow: []",
	])
	path := ["services", "app", "annotations", "org.systemd.property.DeviceAllow"]
	found == {{"msg": msg, "service": "app", "path": path}}
}
