package policyd.policies.require_image_config_test

import data.policyd.lib.fixture
import data.policyd.policies.require_image_config

config := {"environment": {}, "user": "", "labels": {}, "on_build": [], "source": "request", "digest": "", "platform": ""}

# seen is the input of service "app" with `fields`, and of what was not evaluated.
seen(fields, gaps) := object.union(fixture.app(fields), {"notEvaluated": gaps})

test_image_without_a_configuration_is_reported if {
	found := require_image_config.violation with input as seen({}, [])
	found == {{
		"msg": "the configuration of the image registry.example/app:1 of service app is not known: it was neither handed over nor read from the registry",
		"service": "app",
		"path": ["services", "app", "image"],
	}}
}

test_reason_is_that_of_the_image if {
	gaps := [
		{"kind": "image", "what": "registry.example/app:1", "reason": "it is gone"},
		{"kind": "image", "what": "registry.example/other:1", "reason": "it is another one"},
		{"kind": "dockerfile", "what": "registry.example/app:1", "reason": "it is no image"},
	]
	found := require_image_config.violation with input as seen({}, gaps)
	{v.msg | some v in found} == {"the configuration of the image registry.example/app:1 of service app is not known: it is gone"}
}

test_known_configuration_is_enough if {
	found := require_image_config.violation with input as seen({"image_config": config}, [])
	found == set()
}

test_workload_without_an_image_needs_none if {
	found := require_image_config.violation with input as seen({"image": "", "provider": "x"}, [])
	found == set()
}

test_base_of_a_build_is_reported_at_its_dockerfile if {
	built := {"image": "app:dev", "build": fixture.build({"base": "ubuntu:24.04"})}
	gaps := [{"kind": "image", "what": "ubuntu:24.04", "reason": "it is gone"}]
	found := require_image_config.violation with input as seen(built, gaps)
	found == {{
		"msg": "the configuration of the image ubuntu:24.04 that service app is built from is not known: it is gone",
		"service": "app",
		"path": ["services", "app", "build", "dockerfile_inline"],
	}}
}

test_base_of_a_build_may_be_unknown if {
	found := require_image_config.violation with input as seen({"build": fixture.build({})}, [])
	{v.msg | some v in found} == {"the image that service app is built from is not known"}
}

test_build_with_a_configuration_or_from_scratch_is_not if {
	every fields in [{"build": fixture.build({"base": "x"}), "image_config": config}, {"build": fixture.build({"base": "scratch"})}] {
		found := require_image_config.violation with input as seen(fields, [])
		found == set()
	}
}

test_image_that_the_project_builds_is_reported_at_its_build_only if {
	builder := fixture.service("builder", {"image": "own:1", "build": fixture.build({"base": "scratch"})})
	user := fixture.service("user", {"image": "own:1"})
	found := require_image_config.violation with input as {"workloads": [builder, user], "notEvaluated": []}
	found == set()
}

test_hook_counts_with_an_image_of_its_own if {
	service := fixture.service("app", {"image": "a:1", "image_config": config})
	hook := {"kind": "hook", "service": "app", "title": "hook 0 of service app"}
	same := fixture.service("app/pre_start/0", object.union(hook, {"image": "a:1"}))
	other := fixture.service("app/pre_start/1", object.union(hook, {"image": "b:1"}))
	found := require_image_config.violation with input as {"workloads": [service, same, other], "notEvaluated": []}
	{v.msg | some v in found} == {"the configuration of the image b:1 of hook 0 of service app is not known: it was neither handed over nor read from the registry"}
	{v.service | some v in found} == {"app"}
}
