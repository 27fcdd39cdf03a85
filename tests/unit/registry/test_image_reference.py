from __future__ import annotations

import pytest

from policyd.errors import RegistryError
from policyd.registry.image_reference import ImageReference, parse
from tests.support.cases import cases

DIGEST = "sha256:" + "a" * 64


@cases(
    ("text", "expected"),
    [
        ("ubuntu", ("docker.io", "library/ubuntu", "latest", "")),
        ("ubuntu:24.04", ("docker.io", "library/ubuntu", "24.04", "")),
        ("library/ubuntu", ("docker.io", "library/ubuntu", "latest", "")),
        ("docker.io/ubuntu", ("docker.io", "library/ubuntu", "latest", "")),
        ("index.docker.io/a/b:1", ("docker.io", "a/b", "1", "")),
        ("a/b/c", ("docker.io", "a/b/c", "latest", "")),
        ("ghcr.io/a/b", ("ghcr.io", "a/b", "latest", "")),
        ("ghcr.io/b", ("ghcr.io", "b", "latest", "")),
        ("localhost/a", ("localhost", "a", "latest", "")),
        ("localhost:5000/a:1", ("localhost:5000", "a", "1", "")),
        ("localhost:5000", ("docker.io", "library/localhost", "5000", "")),
        ("HUB/a", ("hub", "a", "latest", "")),
        ("GHCR.io/a", ("ghcr.io", "a", "latest", "")),
        ("hub/a", ("docker.io", "hub/a", "latest", "")),
        (f"a@{DIGEST}", ("docker.io", "library/a", "latest", DIGEST)),
        (f"ghcr.io:443/a/b:2@{DIGEST}", ("ghcr.io:443", "a/b", "2", DIGEST)),
    ],
)
def test_a_reference_means_what_it_means_for_docker(
    text: str, expected: tuple[str, str, str, str]
) -> None:
    assert parse(text) == ImageReference(*expected)


@cases(
    "text",
    [
        "",
        "a:",
        "a@",
        "a@sha512:" + "a" * 128,
        "a@sha256:abc",
        f"a@{DIGEST}@{DIGEST}",
        "Ubuntu",
        "a/B",
        "a//b",
        "ghcr.io/",
        "ghcr.io/../x",
        "ghcr.io/a?x",
        "ghcr.io/a#x",
        "a b",
        "https://ghcr.io/a",
        "a:" + "t" * 129,
        "a/" * 127 + "aa",
        "0" * 64,
        "user:pw@ghcr.io/a",
    ],
)
def test_another_form_is_an_error(text: str) -> None:
    with pytest.raises(RegistryError) as caught:
        parse(text)
    assert str(caught.value) == "it is not a valid image reference"
