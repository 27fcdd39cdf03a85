package policyd.policies.no_root_user_test

import data.policyd.lib.fixture
import data.policyd.policies.no_root_user

test_root_by_name_and_by_number_is_reported if {
	found := no_root_user.violation with input as {"workloads": [
		fixture.service("a", {"user": "root"}),
		fixture.service("b", {"user": "0:1000"}),
		fixture.service("c", {"user": "1000:0"}),
		fixture.service("d", {"user": "+00"}),
	]}
	{[v.service, v.path, v.msg] | some v in found} == {
		["a", ["services", "a", "user"], "service a runs as root: user: root"],
		["b", ["services", "b", "user"], "service b runs as root: user: 0:1000"],
		["d", ["services", "d", "user"], "service d runs as root: user: +00"],
	}
}

test_root_of_a_dockerfile_is_reported_there if {
	found := no_root_user.violation with input as fixture.app({"build": fixture.build({"user": "root"})})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "build", "dockerfile_inline"],
		"service app runs as root: its Dockerfile sets the user root",
	]}
}

test_user_of_the_service_replaces_that_of_the_dockerfile if {
	given := fixture.app({"user": "1000", "build": fixture.build({"user": "root"})})
	found := no_root_user.violation with input as given
	found == set()
}

test_root_of_an_image_is_reported if {
	found := no_root_user.violation with input as fixture.app({"image_config": {"user": ""}})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "image"],
		"service app runs as root: its image sets no user; without one it is 0",
	]}
}

test_unknown_user_is_for_another_policy if {
	found := no_root_user.violation with input as fixture.app({})
	found == set()
}

test_hook_is_reported if {
	found := no_root_user.violation with input as fixture.with_hook_of({"user": "1000"}, {"user": "0"})
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "pre_start", 0, "user"],
		"hook 0 of service app runs as root: user: 0",
	]}
}
