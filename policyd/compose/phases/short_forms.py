"""Parse the short forms of volumes, ports and devices.

In: the text of one list item. Out: the long forms, plain dicts with exactly the keys that Compose
sets. Source: compose-go v2.16.2 format/volume.go, types/types.go and transform/device.go,
go-connections v0.7.0 nat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from policyd.compose.text.posix_paths import clean
from policyd.compose.text.scalars import IPV4, ScalarError, is_ip_address, parse_int, quoted
from policyd.lazy_pattern import lazy_pattern
from policyd.masking import MarkedError

LongForm = dict[str, Any]

_MAX_PORT = 65535
_PROTOCOLS = ("tcp", "udp", "sctp")
_PROPAGATIONS = frozenset(("rprivate", "private", "rshared", "shared", "rslave", "slave"))
_SELINUX = frozenset(("z", "Z"))

# A NUL ends a volume. Colons inside "${…}" separate nothing.
_VOLUME_MARK = lazy_pattern(r"[:\0}]|\$(?=\{)")
# Fast paths: nearly every volume (SOURCE:TARGET[:OPTIONS], no drive, no variable) and port matches
# one of these patterns.
_PLAIN_VOLUME = lazy_pattern(r"([^:\0$}]{2,}):([^:\0$}]{2,})(?::([^:\0$}]{2,}))?\Z")
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4})"
_PLAIN_PORT = lazy_pattern(rf"(?:(?:({IPV4}):)?{_PORT}:)?{_PORT}\Z")
_BRACKETED = lazy_pattern(r"\[([^\[\]]*)\]")


class ShortFormError(MarkedError):
    """A short form that cannot be parsed. The message says what was found and expected."""


def parse_volume(spec: str) -> LongForm:
    """Return the long form of `spec`: "cache:/data:ro", "./src:/src", "/data".

    The source is left as written, the target is cleaned. Unknown options are dropped, as Compose
    does. Raises ShortFormError.
    """
    if (match := _PLAIN_VOLUME.match(spec)) is not None:
        source, target, options = match.groups()
        return _volume(source, target, options.split(",") if options else ())
    if spec and _is_short(spec):
        return {"type": "volume", "target": clean(spec)}
    return _volume(*_split_volume(spec))


def volume_target(spec: str) -> str:
    """Return the target of the volume `spec` as written. Raises ShortFormError."""
    match = _PLAIN_VOLUME.match(spec)
    return _split_volume(spec)[1] if match is None else match[2]


def _split_volume(spec: str) -> tuple[str, str, list[str]]:
    if not spec:
        raise ShortFormError("a volume is empty: write SOURCE:TARGET or TARGET")
    if _is_short(spec):
        return "", spec, []
    source = target = ""
    options: list[str] = []
    for section, is_last in _volume_sections(spec):
        if not section:
            raise ShortFormError(f"volume {quoted(spec)} has an empty part between colons")
        if not source and is_last:
            target = section
        elif not source:
            source = section
        elif not target:
            target = section
        elif is_last:
            options += section.split(",")
        else:
            raise ShortFormError(f"volume {quoted(spec)} has more than three parts")
    return source, target, options


def _is_short(spec: str) -> bool:
    """Return whether `spec` is so short, in bytes, that Compose reads it as a target."""
    return len(spec.encode("utf-8", "surrogatepass")) <= 2


def _volume_sections(spec: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of `spec`, and whether each is the last one."""
    text = spec + "\0"
    start = depth = 0
    for mark in _VOLUME_MARK.finditer(text):
        character = mark[0]
        if character == "$":
            depth += 1
        elif character == "}":
            depth = max(depth - 1, 0)
        elif depth == 0:
            section = text[start : mark.start()]
            if character == ":" and len(section) == 1 and section.isalpha():
                continue
            yield section, character == "\0"
            start = mark.end()


def _volume(source: str, target: str, options: Iterable[str]) -> LongForm:
    is_bind = _is_file_path(source)
    long: LongForm = {"type": "bind" if is_bind else "volume"}
    if source:
        long["source"] = source
    if target:
        long["target"] = clean(target)
    bind: LongForm = {"create_host_path": True} if is_bind else {}
    volume: LongForm = {}
    read_only = False
    for option in options:
        if option in ("ro", "rw"):
            read_only = option == "ro"
        elif option == "nocopy":
            volume["nocopy"] = True
        elif option in _PROPAGATIONS:
            bind["propagation"] = option
        elif option in _SELINUX:
            bind["selinux"] = option
    if read_only:
        long["read_only"] = True
    if bind:
        long["bind"] = bind
    if volume or not is_bind:
        long["volume"] = volume
    return long


def _is_file_path(source: str) -> bool:
    return source.startswith((".", "/", "~", "\\\\")) or (
        source[1:2] == ":" and source[0].isalpha()
    )


def parse_ports(spec: str) -> list[LongForm]:
    """Return the long forms of `spec`, one for each container port, in order of "port/protocol".

    [IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]; at most 65,536 entries. Raises
    ShortFormError.
    """
    match = _PLAIN_PORT.match(spec)
    if match is not None:
        return [_plain_port(*match.groups())]
    parts = spec.split(":")
    container, _, protocol = parts[-1].partition("/")
    protocol = protocol.lower() or "tcp"
    if not container:
        raise ShortFormError(f"port {quoted(spec)} has no container port")
    if protocol not in _PROTOCOLS:
        raise ShortFormError(f"port {quoted(spec)} has a protocol that is not tcp, udp or sctp")
    host_ip = _host_ip(spec, ":".join(parts[:-2]))
    first, last = _port_range(spec, container)
    published = parts[-2] if len(parts) > 1 else ""
    host_first, host_last = _port_range(spec, published) if published else (0, 0)
    if published and last != first and last - first != host_last - host_first:
        raise ShortFormError(f"port {quoted(spec)} has ranges of different lengths")
    common = {"mode": "ingress", "protocol": protocol} | ({"host_ip": host_ip} if host_ip else {})
    ports = []
    for target in sorted(range(first, last + 1), key=lambda port: f"{port}/"):
        port: LongForm = dict(common)
        if target:
            port["target"] = target
        if published:
            port["published"] = str(host_first + target - first)
            if first == last and host_first != host_last:
                port["published"] += f"-{host_last}"
        ports.append(port)
    return ports


def _plain_port(address: str | None, published: str | None, target: str) -> LongForm:
    port: LongForm = {"mode": "ingress", "protocol": "tcp"}
    if address:
        port["host_ip"] = address
    port["target"] = int(target)
    if published:
        port["published"] = published
    return port


def _host_ip(spec: str, text: str) -> str:
    if text.startswith("["):
        bracketed = _BRACKETED.fullmatch(text)
        address = bracketed[1] if bracketed else text
    else:
        address = text
    if address and not is_ip_address(address):
        raise ShortFormError(f"port {quoted(spec)} has a host address that is not an IP address")
    return address


def _port_range(spec: str, text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    start = _port_number(spec, first)
    end = _port_number(spec, last) if dash and last != first else start
    if end < start:
        raise ShortFormError(f"port {quoted(spec)} has a range whose end is before its start")
    return start, end


def _port_number(spec: str, text: str) -> int:
    try:
        number = parse_int(text)
    except ScalarError:
        raise ShortFormError(f"port {quoted(spec)} has a part that is not a port number") from None
    if not 0 <= number <= _MAX_PORT:
        raise ShortFormError(f"port {quoted(spec)} has a number outside 0-{_MAX_PORT}")
    return number


def parse_device(spec: str) -> LongForm:
    """Return the long form of `spec`: "/dev/sda", "/dev/sda:/dev/xvda:r". Nothing is resolved.

    The second part is always the target, never the permissions. Raises ShortFormError.
    """
    parts = spec.split(":")
    if len(parts) > 3:
        raise ShortFormError(f"device {quoted(spec)} has more than three parts: use the long form")
    return {
        "source": parts[0],
        "target": (parts[1] if len(parts) > 1 else "") or parts[0],
        "permissions": parts[2] if len(parts) > 2 else "rwm",
    }
