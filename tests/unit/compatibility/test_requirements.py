from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.compatibility.requirements import (
    DOUBTFUL,
    Facts,
    Requirement,
    allows,
    requirements_of,
    unmet,
    version_key,
)
from tests.support.cases import cases

TESLA = Facts(cuda="12.2", driver="535.104.05", brand="tesla", arch="8.0")


def refusal(text: str, facts: Facts = TESLA) -> str:
    return unmet(Requirement("NVIDIA_REQUIRE_CUDA", text), facts)


def csv_refusal(text: str, facts: Facts = TESLA) -> str:
    return unmet(Requirement("NVIDIA_REQUIRE_CUDA", text), facts, "csv")


@cases(
    "text",
    [
        "cuda>=12.2",
        "cuda>=12.1",
        "cuda=12.2.0",
        "cuda<13",
        "cuda!=11.8",
        "cuda!11.8",
        "CUDA>=12.2",
        "driver>=535",
        "driver<536",
        "driver>535.104",
        "driver<=535.104.05",
        "driver=0535.0104.5",
        "brand=tesla",
        "brand=TESLA",
        "brand!=geforce",
        "arch>=7.5",
        "ARCH=8",
        "cuda>=99 cuda>=12.2",
        "cuda>=99  brand=tesla,driver>=535,driver<536",
        "cuda>=12.2 nonsense",
        "cuda>=12.2,, ",
        "",
        " ",
        ",",
        " , cuda>=99",
    ],
)
def test_a_requirement_that_holds_is_met(text: str) -> None:
    assert refusal(text) == ""


@cases(
    ("text", "first"),
    [
        ("cuda>=12.3", "cuda>=12.3"),
        ("cuda>=12.10", "cuda>=12.10"),
        ("cuda<12.2", "cuda<12.2"),
        ("driver<535.104.5", "driver<535.104.5"),
        ("brand=geforce", "brand=geforce"),
        ("cuda>=12.2,driver>=550", "cuda>=12.2,driver>=550"),
        ("cuda>=13 brand=tesla,driver>=550,driver<551", "cuda>=13"),
        ("cuda>=99 ,", "cuda>=99"),
        ("cuda>=99 , cuda>=1", "cuda>=99"),
    ],
)
def test_the_first_alternative_is_named_for_a_requirement_that_is_not_met(
    text: str, first: str
) -> None:
    assert refusal(text) == f"unsatisfied condition: {first}"


@cases(
    ("text", "shown"),
    [
        ("gpu>=2", "gpu>=2"),
        ("cuda", "cuda"),
        ("cuda>=", "cuda>="),
        (">=12", ">=12"),
        ("cuda>=twelve", "cuda>=twelve"),
        ("cuda==12", "cuda==12"),
        ("cuda=>12", "cuda=>12"),
        ("cuda>=12.", "cuda>=12."),
        ("cuda>=12;", "cuda>=12;"),
        ("brand>=tesla", "brand>=tesla"),
        ("cuda>=99 gpu>=2", "gpu>=2"),
        ("cuda>=1,gpu>=2", "gpu>=2"),
        (f"cuda>={'x' * 80}", "a condition"),
        ("cuda>=\u00e4", "a condition"),
    ],
)
def test_a_condition_that_is_not_valid_is_an_error_where_it_is_read(text: str, shown: str) -> None:
    assert refusal(text) == f"invalid expression: {shown}"


def test_a_condition_that_is_not_valid_is_hidden_by_one_that_fails_before_it() -> None:
    assert refusal("cuda>=99,gpu>=2") == "unsatisfied condition: cuda>=99,gpu>=2"


def test_facts_that_the_driver_does_not_tell_are_met_and_doubtful_ones_are_not() -> None:
    text = "brand=geforce,arch>=9.0,cuda>=12.0"

    assert refusal(text, msgspec.structs.replace(TESLA, brand="", arch="")) == ""
    assert refusal(text, msgspec.structs.replace(TESLA, brand=DOUBTFUL, arch="")) != ""
    assert refusal("brand!=geforce", msgspec.structs.replace(TESLA, brand=DOUBTFUL)) != ""


def test_a_long_requirement_is_refused_unread() -> None:
    assert refusal("cuda>=1 " * 3000) == "the requirement is too long to be evaluated"
    assert refusal(f"cuda>={'9' * 19_000}") != ""


@cases(
    ("text", "is_met"),
    [
        ("cuda>=12.2", True),
        ("cuda>=12.3", False),
        ("arch>=8.0", True),
        ("brand=tesla", False),
        ("brand!=tesla", True),
        ("driver>=1", False),
        ("driver<1", True),
        ("cuda>=12.3 brand=tesla,driver>=535,driver<536", False),
        ("gpu>=2", True),
        ("gpu>=2,cuda>=99", False),
        ("CUDA>=99", True),
        ("", True),
    ],
)
def test_the_csv_mode_knows_cuda_and_arch_only(text: str, is_met: bool) -> None:
    assert (csv_refusal(text) == "") is is_met


def test_the_csv_mode_reads_the_whole_text_first() -> None:
    assert csv_refusal("cuda>=12.2 cuda>=x") == "invalid expression: cuda>=x"
    assert csv_refusal("cuda>=12.2 nonsense") == "invalid expression: nonsense"


def test_every_variable_with_the_prefix_is_a_requirement() -> None:
    environment = {
        "NVIDIA_REQUIRE_CUDA": "cuda>=12.0",
        "NVIDIA_REQUIRE_DRIVER": "driver>=535",
        "NVIDIA_REQUIRE_JETPACK_HOST_MOUNTS": "x",
        "NVIDIA_REQUIRE_EMPTY": "",
        "NVIDIA_REQUIRE_NULL": None,
        "NVIDIA_DISABLE_REQUIRES": "true",
        "nvidia_require_other": "cuda>=99",
    }

    assert requirements_of(environment) == (
        Requirement("NVIDIA_REQUIRE_CUDA", "cuda>=12.0"),
        Requirement("NVIDIA_REQUIRE_DRIVER", "driver>=535"),
    )


@cases(
    ("value", "is_off"),
    [("1", True), ("t", True), ("TRUE", True), ("true", True), ("yes", False), ("tRue", False)],
)
def test_the_test_is_switched_off_by_a_boolean_of_go(value: str, is_off: bool) -> None:
    environment = {"NVIDIA_REQUIRE_CUDA": "cuda>=99", "NVIDIA_DISABLE_REQUIRE": value}

    assert (requirements_of(environment) == ()) is is_off


@cases(
    ("version", "text", "error"),
    [
        ("10.2.89", "cuda>=10.2", ""),
        ("12", "cuda>=12.0", ""),
        ("v11.8", "cuda>=11.8", ""),
        ("12.6.0.022", "", "invalid version of CUDA"),
        ("twelve", "", "invalid version of CUDA"),
    ],
)
def test_a_legacy_image_requires_the_version_that_it_names(
    version: str, text: str, error: str
) -> None:
    expected = (Requirement("CUDA_VERSION", text, error),)

    assert requirements_of({"CUDA_VERSION": version}) == expected
    assert requirements_of({"CUDA_VERSION": version, "NVIDIA_REQUIRE_CUDA": ""}) == expected
    assert requirements_of({"CUDA_VERSION": version, "NVIDIA_REQUIRE_CUDA": None}) == expected
    assert unmet(expected[0], msgspec.structs.replace(TESLA, cuda="1.0")) == (
        error or f"unsatisfied condition: {text}"
    )


def test_forward_compatibility_is_an_alternative_that_names_the_branch_of_the_driver() -> None:
    text = "cuda>=13.0 brand=tesla,driver>=535,driver<536 driver>=999"

    assert allows(text, TESLA)
    assert not allows(text, msgspec.structs.replace(TESLA, brand="geforce"))
    assert not allows("cuda>=12.0", TESLA)
    assert not allows("driver>=x", TESLA)


def test_versions_compare_number_by_number() -> None:
    assert version_key("9.2") < version_key("10.0")
    assert version_key("580.65.06") < version_key("580.159.04")
    assert version_key("535") == version_key("535.0.00")
    assert version_key("9" * 5000) > version_key("9" * 4999)


@pytest.mark.thorough
@given(st.text("cudarivebngh<>=!,. 0123456789x", max_size=40))
def test_any_text_is_evaluated(text: str) -> None:
    assert isinstance(refusal(text), str)
    assert isinstance(csv_refusal(text), str)
