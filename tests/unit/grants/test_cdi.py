from __future__ import annotations

from policyd.grants import cdi
from tests.support.cases import cases

DOMAINS = {"nvidia.com": "nvidia", "amd.com": "amd", "lab.nvidia.com": "lab"}


@cases(
    ("text", "is_name"),
    [
        ("nvidia.com/gpu=0", True),
        ("nvidia.com/gpu=GPU-1:2.3", True),
        ("x/y=z", True),
        ("nvidia.com/gpu=", False),
        ("nvidia.com/gpu", False),
        ("/dev/nvidia0", False),
        ("1nvidia.com/gpu=0", False),
        ("nvidia.com/gpu=0\n", False),
        ("nvidia.com/gpu-=0", False),
        ("nvidia.com/gpu=0-", False),
    ],
)
def test_name_follows_the_grammar(text: str, is_name: bool) -> None:
    assert cdi.is_name(text) is is_name


def test_names_are_trimmed_and_keep_their_order() -> None:
    assert cdi.names([" b.c/d=1", "not a name", "a.c/d=0"]) == ["b.c/d=1", "a.c/d=0"]


def test_every_device_is_exactly_all() -> None:
    assert cdi.is_every_device("nvidia.com/gpu=all")
    assert not cdi.is_every_device("nvidia.com/gpu=ALL")
    assert not cdi.is_every_device("x=all")


def test_name_has_a_kind_and_a_device() -> None:
    assert (cdi.kind("a.b/c=d:1"), cdi.device("a.b/c=d:1")) == ("a.b/c", "d:1")


@cases(
    ("name", "vendor"),
    [
        ("nvidia.com/gpu=0", "nvidia"),
        ("runtime.nvidia.com/gpu=0", "nvidia"),
        ("x.lab.nvidia.com/gpu=0", "lab"),
        ("notnvidia.com/gpu=0", "unknown"),
        ("nvidia.com.example/gpu=0", "unknown"),
    ],
)
def test_vendor_is_that_of_the_longest_known_domain(name: str, vendor: str) -> None:
    assert cdi.vendor(name, DOMAINS) == vendor


def test_names_are_grouped_by_vendor() -> None:
    names = ["nvidia.com/gpu=1", "amd.com/gpu=0", "nvidia.com/gpu=0"]

    assert list(cdi.by_vendor(names, DOMAINS)) == [
        ("amd", ("amd.com/gpu=0",)),
        ("nvidia", ("nvidia.com/gpu=1", "nvidia.com/gpu=0")),
    ]
