package policyd.policies.no_all_gpus_test

import data.policyd.lib.fixture
import data.policyd.policies.no_all_gpus

all_by(fields) := fixture.granted(object.union({"devices": "all", "path": ["x"], "text": "t"}, fields))

test_grant_of_all_is_reported_where_it_is_declared if {
	every fields in [
		{"method": "reservation"},
		{"method": "gpus"},
		{"method": "cdi"},
		{"method": "environment", "certainty": "default-runtime"},
		{"method": "runtime", "family": "nvidia"},
		{"method": "runtime", "family": "ascend", "vendor": "unknown"},
		{"method": "mount", "form": "volume-request"},
		{"method": "image"},
	] {
		found := no_all_gpus.violation with input as all_by(fields)
		found == {{"msg": "service app gets every GPU of the host: t", "service": "app", "path": ["x"]}}
	}
}

test_hook_is_reported_with_its_own_name if {
	grant := fixture.grant({"method": "gpus", "devices": "all", "text": "count: all"})
	found := no_all_gpus.violation with input as fixture.with_hook({"grants": [grant]})
	{[v.service, v.msg] | some v in found} == {["app", "hook 0 of service app gets every GPU of the host: count: all"]}
}

test_ids_and_counts_are_not_reported if {
	every devices in [["0", "1"], {"count": 2}] {
		found := no_all_gpus.violation with input as fixture.granted({"devices": devices})
		found == set()
	}
}

test_all_by_other_methods_is_for_other_policies if {
	every fields in [
		{"method": "runtime", "vendor": "unknown"},
		{"method": "privileged"},
		{"method": "mount", "form": "devices"},
		{"method": "device-node"},
		{"method": "cgroup-rule"},
		{"method": "build", "form": "devices"},
		{"method": "api-socket"},
	] {
		found := no_all_gpus.violation with input as all_by(fields)
		found == set()
	}
}

test_image_on_an_unknown_host_is_left_to_a_person if {
	found := no_all_gpus.violation with input as all_by({"method": "image", "certainty": "default-runtime"})
	found == set()
}
