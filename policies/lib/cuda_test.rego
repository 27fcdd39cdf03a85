package policyd.lib.cuda_test

import data.policyd.lib.cuda
import data.policyd.lib.versions

test_tag_of_a_well_known_image_says_its_version if {
	every image, version in {
		"nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04": "12.4",
		"docker.io/nvidia/cuda:11.0-base": "11.0",
		"nvcr.io/nvidia/cuda:13.0.1-base-ubuntu24.04@sha256:ab": "13.0",
		"pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime": "12.1",
		"mirror.example:5000/pytorch/pytorch:1.9.0-cuda10.2-cudnn7-devel": "10.2",
		"rapidsai/base:24.10-cuda12.5-py3.12": "12.5",
		"vllm/vllm-openai:v0.24.0-cu129": "12.9",
		"lmsysorg/sglang:v0.4.1-cu121-srt": "12.1",
		"tensorflow/tensorflow:2.16.1-gpu": "12.3",
		"tensorflow/tensorflow:2.4.0-gpu-jupyter": "11.0",
		"nvcr.io/nvidia/pytorch:24.05-py3": "12.4",
		"nvcr.io/nvidia/tensorflow:25.01-tf2-py3": "12.8",
		"nvcr.io/nvidia/tritonserver:25.08-vllm-python-py3": "13.0",
	} {
		cuda.of_image(image) == {version}
	}
}

test_other_tags_say_nothing if {
	every image in {
		"", "nvidia/cuda", "nvidia/cuda:latest", "notnvidia/cuda:12.4.1", "nvidia/cuda@sha256:12.4",
		"pytorch/pytorch:2.4.0", "pytorch/pytorch@sha256:a-cuda12.1", "tensorflow/tensorflow:2.16.1",
		"tensorflow/tensorflow:9.9.9-gpu", "nvcr.io/nvidia/pytorch:12.03-py3", "vllm/vllm-openai:v0.4.3",
		"lmsysorg/sglang:v0.4.1-cu1219",
	} {
		cuda.of_image(image) == set()
	}
}

host(driver, version) := {"driver_version": driver, "cuda_version": version, "gpus": []}

test_newer_cuda_of_the_host_is_enough if {
	not cuda.missing(host("1", "13.0"), "12.9", true)
	not cuda.missing(host("1", "13.0"), "13.0", false)
}

test_any_driver_of_the_major_version_will_do if {
	not cuda.missing(host("525.60.13", "12.0"), "12.9", true)
	not cuda.missing(host("450.80.02", "11.0"), "11.8", true)
	cuda.missing(host("525.60.12", "11.8"), "12.4", true) == "525.60.13"
	cuda.missing(host("450.51.05", "11.0"), "11.8", true) == "450.80.02"
	cuda.missing(host("575.57.08", "12.9"), "13.1", true) == "580.65.06"
	not cuda.missing(host("580.159.04", "13.0"), "13.4", true)
}

test_before_cuda_11_each_version_has_its_driver if {
	cuda.missing(host("410.48", "10.0"), "10.2", true) == "440.33"
	not cuda.missing(host("440.33", "10.1"), "10.2", true)
}

test_without_minor_version_compatibility_each_version_has_its_driver if {
	cuda.missing(host("525.60.13", "12.0"), "12.4", false) == "550.54.14"
	not cuda.missing(host("550.54.14", "12.3"), "12.4.1", false)
}

test_version_that_nobody_knows_needs_a_host_that_offers_it if {
	cuda.missing(host("999", "13.0"), "14.0", true) == ""
	cuda.missing(host("999", "12.6"), "12.7", false) == ""
	not cuda.missing(host("1", "14.0"), "14.0", true)
}

test_tables_hold_versions_only if {
	every version, driver in data.policyd.tables.cuda_drivers {
		versions.parse(version)
		versions.parse(driver)
	}
	every version, driver in data.policyd.tables.cuda_minor_version_drivers {
		versions.parse(version)
		versions.parse(driver)
	}
	every row in data.policyd.tables.cuda_images {
		regex.is_valid(row.pattern)
		every _, version in object.get(row, "versions", {}) {
			versions.parse(version)
		}
	}
}
