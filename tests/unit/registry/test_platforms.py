from __future__ import annotations

from policyd.registry.platforms import Platform, parse, platform
from tests.support.cases import cases


@cases(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/AMD64/v3", "linux/amd64/v3"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("windows/amd64", "windows/amd64"),
        ("linux", "linux/amd64"),
        ("arm64", "linux/arm64"),
    ],
)
def test_a_platform_has_one_form(text: str, expected: str) -> None:
    assert str(parse(text)) == expected


@cases("text", ["", "/", "linux/", "/amd64", "a/b/c/d", "linux/a b", "x" * 33])
def test_another_text_is_none(text: str) -> None:
    assert parse(text) is None


@cases(
    ("text", "expected"),
    [
        ("linux/amd64", ["linux/amd64"]),
        ("linux/amd64/v3", ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64"]),
        ("linux/arm", ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]),
        ("linux/arm64", ["linux/arm64"]),
        ("linux/arm64/v9", ["linux/arm64/v9", "linux/arm64"]),
    ],
)
def test_a_platform_runs_images_of_older_variants(text: str, expected: list[str]) -> None:
    found = parse(text)
    assert found is not None
    assert [str(one) for one in found.acceptable()] == expected


def test_what_a_registry_leaves_out_stays_empty() -> None:
    assert platform("", "") == Platform("", "", "")
