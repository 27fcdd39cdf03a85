package policyd.policies.allowed_platforms_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_platforms

constraints := {"allowed-platforms": [{"name": "c", "parameters": {"platforms": ["linux/amd64", "linux/arm64"]}}]}

given(platforms) := {
	"constraints": constraints,
	"workloads": [fixture.service(platform, {"platform": platform}) | some platform in platforms],
}

test_another_platform_is_reported if {
	found := allowed_platforms.violation with input as given(["windows/amd64", "linux/arm64v8", "linux/amd64"])
	{[v.path, v.msg, v.constraint] | some v in found} == {
		[
			["services", "windows/amd64", "platform"],
			"service windows/amd64 is for the platform windows/amd64, which is not allowed",
			"c",
		],
		[
			["services", "linux/arm64v8", "platform"],
			"service linux/arm64v8 is for the platform linux/arm64v8, which is not allowed",
			"c",
		],
	}
}

test_listed_platforms_and_variants_are_allowed if {
	found := allowed_platforms.violation with input as given(["", "linux/amd64", "linux/arm64/v8"])
	found == set()
}
