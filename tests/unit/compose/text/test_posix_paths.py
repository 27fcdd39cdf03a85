from __future__ import annotations

import posixpath

from hypothesis import given
from hypothesis import strategies as st

from policyd.compose.text.posix_paths import clean
from tests.support.cases import cases


@cases(
    ("path", "expected"),
    [
        ("", "."),
        (".", "."),
        ("./", "."),
        ("a/..", "."),
        ("a//b/./c/", "a/b/c"),
        ("../../a/../b", "../../b"),
        ("/", "/"),
        ("//var//run", "/var/run"),
        ("/../..", "/"),
        ("/srv/../etc", "/etc"),
        ("/a\0/b", "/a\0/b"),
        ("...", "..."),
    ],
)
def test_a_path_is_cleaned_as_text(path: str, expected: str) -> None:
    assert clean(path) == expected


@given(st.text(alphabet="ab./", max_size=20))
def test_cleaning_agrees_with_normpath_but_for_two_leading_slashes(path: str) -> None:
    normal = posixpath.normpath(path)

    assert clean(path) == (normal[1:] if normal.startswith("//") else normal)
    assert clean(clean(path)) == clean(path)
