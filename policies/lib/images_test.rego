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

test_registry_is_the_first_part_if_it_is_a_host if {
	every image, expected in {
		"nginx:1.29": "docker.io",
		"acme/nginx": "docker.io",
		"docker.io/nginx": "docker.io",
		"localhost/nginx": "localhost",
		"registry:5000/nginx": "registry:5000",
		"registry.example/team/nginx@sha256:0a": "registry.example",
	} {
		images.registry(image) == expected
	}
}
