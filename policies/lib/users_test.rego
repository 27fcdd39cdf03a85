package policyd.lib.users_test

import data.policyd.lib.fixture
import data.policyd.lib.users

test_user_of_the_service_comes_before_its_dockerfile_and_its_image if {
	built := {"user": "", "build": fixture.build({"user": "b"}), "image_config": {"user": "c"}}
	found := users.by_workload with input.workloads as [
		fixture.service("a", object.union(built, {"user": "1000:1000"})),
		fixture.service("b", built),
		fixture.service("c", {"image_config": {"user": "c"}}),
		fixture.service("d", {"image_config": {"user": ""}}),
		fixture.service("e", {"user": ":"}),
	]
	{name: one.user | some name, one in found} == {"a": "1000:1000", "b": "b", "c": "c", "d": "0"}
}

test_root_is_recognized if {
	every user in ["root", "root:x", "0", "0:1000", "+00", "-0"] {
		users.is_root(user)
	}
	every user in ["rooty", "1000:0", "10", ""] {
		not users.is_root(user)
	}
}
