"""Tell the paths that Compose fetches from other hosts from local paths.

In: a path of `-f`, `include` or `extends`, or a build context, as written. Nothing is fetched.
Source: docker/compose v5 pkg/remote, buildkit v0.32 dfgitutil, gitutil and sshutil, Go net/url;
compose-go v2.16.2 paths/context.go.
"""

from __future__ import annotations

import re
from typing import Literal

from policyd.compose.text.posix_paths import clean
from policyd.compose.text.scalars import ScalarError, is_ipv6, parse_flag
from policyd.lazy_pattern import lazy_pattern

_CONTEXT_PREFIXES = ("service:", "https://", "http://", "git://", "ssh://", "github.com/", "git@")

_SCHEME = lazy_pattern(r"([a-zA-Z0-9]+)://")
_GIT_SCHEMES = ("http", "https", "ssh", "git")
_SCP = lazy_pattern(r"[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:[^\n?#]*(?:\?([^\n#]*))?(?:#([^\n]*))?")

_CONTROL = lazy_pattern(r"[\0-\x1f\x7f]")
_BAD_ESCAPE = lazy_pattern(r"%(?![0-9a-fA-F]{2})")
_USER = r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*"
_PORT = lazy_pattern(r"(?::[0-9]*)?")
# These are compiled on demand, because URLs are rare. A host may escape bytes that are not ASCII,
# and the zone of an IPv6 address any bytes.
_HOST_TEXT = r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"\u0080-\U0010ffff]"
_HOST = rf"(?:{_HOST_TEXT}|%25|%[89a-fA-F][0-9a-fA-F])*"
_ZONE = rf"(?:{_HOST_TEXT}|%[0-9a-fA-F]{{2}})+"
_MAX_PARAMETERS = 10_000

_FLAG_PARAMETERS = ("submodules", "keep-git-dir", "fetch-by-commit")
_PARAMETERS = ("ref", "tag", "branch", "subdir", "checksum", "commit", "mtime", *_FLAG_PARAMETERS)
_MTIMES = (b"checkout", b"commit")


def is_remote(path: str) -> Literal["", "git", "oci"]:
    """Return how Compose fetches the file at `path`, "" for a local path.

    `github.com/…` and `user@host:path` are git even where a local file has that name.
    """
    if path.startswith("/"):
        return ""
    if path.startswith("oci://"):
        return "oci"
    return "git" if _is_git(path) else ""


def is_remote_context(context: str) -> bool:
    """Return whether a build context is left unchanged instead of being made an absolute path."""
    return "://" in context or context.startswith(_CONTEXT_PREFIXES)


def _is_git(reference: str) -> bool:
    scheme = _SCHEME.match(reference)
    if reference.startswith(("./", "../")):
        return False
    if reference.startswith("github.com/"):
        return _is_git_url(reference, "")
    if scheme:
        name = scheme[1].lower()
        return name in _GIT_SCHEMES and _is_git_url(reference[scheme.end() :], name)
    scp = _SCP.fullmatch(reference)
    if scp is None:
        return False
    parameters, is_sound = _query(scp[1] or "")
    return is_sound and _are_git_parameters(parameters, _fragment((scp[2] or "").encode()))


def _is_git_url(rest: str, scheme: str) -> bool:
    """Return whether Go can parse the rest of a URL, which follows "scheme://", as a git URL."""
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/") if scheme else ("", "", rest)
    path = slash + path
    if _CONTROL.search(rest + query) or _BAD_ESCAPE.search(path + "\n" + fragment):
        return False
    user, at, host = authority.rpartition("@")
    if at and (not re.fullmatch(_USER, user) or _BAD_ESCAPE.search(user)):
        return False
    if not _is_host(host, scheme):
        return False
    if scheme.startswith("http") and not _unescaped(path).endswith(b".git"):
        return False
    return _are_git_parameters(_query(query)[0], _fragment(_unescaped(fragment)))


def _is_host(host: str, scheme: str) -> bool:
    if "[" in host:
        name, closing, port = host[1:].rpartition("]")
        address, percent, zone = name.partition("%25")
        if host.rfind("[") or not closing or not _PORT.fullmatch(port):
            return False
        return is_ipv6(address) and (not percent or _is_zone(zone))
    first, last = host.find(":"), host.rfind(":")
    colon = first if scheme.startswith("http") else last
    return bool((colon < 0 or _PORT.fullmatch(host, colon)) and re.fullmatch(_HOST, host))


def _is_zone(zone: str) -> bool:
    if not re.fullmatch(_ZONE, zone):
        return False
    escaped = (chr(int(code, 16)) for code in re.findall("%(..)", zone))
    return all(
        character in "% " or (character.isascii() and re.fullmatch(_HOST_TEXT, character))
        for character in escaped
    )


def _unescaped(text: str) -> bytes:
    from urllib.parse import unquote_to_bytes  # here: few projects need it

    return unquote_to_bytes(text.encode("utf-8", "surrogatepass"))


def _query(query: str) -> tuple[dict[bytes, list[bytes]], bool]:
    """Return the parameters that can be parsed, and whether all of them could be."""
    parameters: dict[bytes, list[bytes]] = {}
    is_sound = query.count("&") < _MAX_PARAMETERS
    for part in query.split("&") if is_sound else ():
        if ";" in part or _BAD_ESCAPE.search(part):
            is_sound = False
        elif part:
            name, _, value = part.replace("+", " ").partition("=")
            parameters.setdefault(_unescaped(name), []).append(_unescaped(value))
    return parameters, is_sound


def _fragment(fragment: bytes) -> dict[str, bytes]:
    reference, _, directory = fragment.partition(b":")
    text = directory.decode("utf-8", "surrogateescape")
    cleaned = clean("/" + text)[1:].encode("utf-8", "surrogateescape")
    return {"ref": reference, "subdir": cleaned}


def _are_git_parameters(parameters: dict[bytes, list[bytes]], known: dict[str, bytes]) -> bool:
    """Return whether `parameters` are valid and agree with those of the fragment, `known`."""
    values: dict[str, bytes] = {}
    for raw, (value, *more) in parameters.items():
        name = raw.decode("ascii", "replace")
        if more or name not in _PARAMETERS or not _is_parameter(name, value):
            return False
        values[name] = value
    if "tag" in values and "branch" in values:
        return False
    for name, prefix in (("tag", b"refs/tags/"), ("branch", b"refs/heads/")):
        if name in values:
            value = values[name]
            full = value if value.startswith(prefix) else prefix + value
            if values.get("ref", full) != full:
                return False
            values["ref"] = full
    return all(not text or values.get(name, text) == text for name, text in known.items())


def _is_parameter(name: str, value: bytes) -> bool:
    if name == "mtime":
        return value in _MTIMES
    if name not in _FLAG_PARAMETERS:
        return value != b""
    try:
        parse_flag(value.decode("ascii", "replace") or "1")
    except ScalarError:
        return False
    return True
