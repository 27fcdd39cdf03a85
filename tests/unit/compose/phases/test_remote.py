from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.compose.phases.remote import is_remote, is_remote_context
from tests.support.cases import cases


@cases("path", ["oci://registry.example/app:v1", "oci://"])
def test_oci_references_are_remote(path: str) -> None:
    assert is_remote(path) == "oci"


@cases(
    "path",
    [
        "github.com/acme/stack",
        "github.com/",
        "github.com/acme/stack.git?ref=v1#v1:sub",
        "git@example.com:acme/stack.git",
        "other_User-1@h:x",
        "u@h:",
        "u@h:a/b?submodules#main:dir",
        "https://example.com/stack.git",
        "HTTP://example.com:80/stack.git#main",
        "https://example.com/stack%2egit",
        "https://user:pa%20ss@[::1]:8443/stack.git?tag=v1&checksum=abc",
        "https://[fe80::1%25eth0]/stack.git",
        "https://[fe80::1%25a%20b%41]/stack.git",
        "ssh://git@example.com/stack",
        "git://example.com/anything",
        "https://example.com/stack.git?",
        "https://example.com/stack.git?ref=v1#v1",
        "https://example.com/stack.git?branch=v1#refs/heads/v1",
        "https://example.com/stack.git?mtime=commit&keep-git-dir=0",
        "https://example.com/stack.git?a;b=c",
    ],
)
def test_git_references_are_remote(path: str) -> None:
    assert is_remote(path) == "git"


@cases(
    "path",
    [
        "",
        "compose.yaml",
        "/srv/compose.yaml",
        "../ops/compose.yaml",
        "./github.com/acme/stack",
        "../git@example.com:x",
        "GitHub.com/acme/stack",
        "github.com",
        "OCI://registry.example/app",
        "https://example.com/compose.yaml",
        "https://example.com/stack.git/",
        "ftp://example.com/stack.git",
        "file:///srv/stack.git",
        "git+ssh://example.com/stack.git",
        "user@host/x",
        "us.er@host:x",
        "u@h_h:x",
        "u@h:a\nb",
        "https://exa mple.com/stack.git",
        "https://example.com:http/stack.git",
        "https://a:1:2/stack.git",
        "https://example.com/%zz.git",
        "https://[1.2.3.4]/stack.git",
        "https://[::1/stack.git",
        "https://[::1%25]/stack.git",
        "https://[::1%25a%5e]/stack.git",
        "https://:x/stack.git",
        "https://u^@example.com/stack.git",
        "https://example.com/stack.git#%zz",
        "https://example.com/stack.git?unknown=1",
        "https://example.com/stack.git?ref=",
        "https://example.com/stack.git?ref=v1&ref=v2",
        "https://example.com/stack.git?ref=v1#v2",
        "https://example.com/stack.git?tag=v1&branch=v1",
        "https://example.com/stack.git?tag=v1#v1",
        "https://example.com/stack.git?subdir=a#v1:b",
        "https://example.com/stack.git?submodules=maybe",
        "https://example.com/stack.git?mtime=now",
        "https://example.com/\x01stack.git",
        "u@h:x?a;b",
        "u@h:x?ref=%zz",
    ],
)
def test_anything_else_is_a_local_path(path: str) -> None:
    assert is_remote(path) == ""


@pytest.mark.thorough
@given(st.text(alphabet="git@hub.com:/#?&=%25[]ref\n", max_size=40))
def test_a_path_that_leads_up_or_here_is_local(path: str) -> None:
    assert is_remote("./" + path) == ""
    assert is_remote("../" + path) == ""
    assert is_remote(path) in ("", "git", "oci")


@cases(
    "context",
    [
        "https://example.com/x.tar",
        "docker-image://alpine",
        "anything://x",
        "a/b://c",
        "service:base",
        "github.com/acme/app",
        "git@example.com:app.git",
    ],
)
def test_a_remote_build_context_is_left_alone(context: str) -> None:
    assert is_remote_context(context)


@cases(
    "context", ["", ".", "./github.com/x", "user@example.com:app.git", "github.com", "Service:x"]
)
def test_any_other_build_context_is_a_folder(context: str) -> None:
    assert not is_remote_context(context)
