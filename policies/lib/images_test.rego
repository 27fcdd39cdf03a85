package policyd.lib.images_test

import data.policyd.lib.images

test_tag_is_what_follows_the_last_colon_of_the_name if {
	every image, expected in {
		"nginx": "",
		"nginx:1.29": "1.29",
		"registry.example:5000/nginx": "",
		"registry.example:5000/team/nginx:1.29@sha256:0a": "1.29",
		"nginx@sha256:0a": "",
	} {
		images.tag(image) == expected
	}
}

test_digest_is_recognized if {
	images.digest("nginx@sha256:0a")
	images.digest("nginx:1@sha512:0a")
	not images.digest("nginx:sha256")
}
