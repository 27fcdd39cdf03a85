from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.compose.phases.short_forms import (
    ShortFormError,
    parse_device,
    parse_ports,
    parse_volume,
    volume_target,
)
from tests.support.cases import cases

BIND = {"create_host_path": True}

# --- volumes --------------------------------------------------------------------------------------


@cases("spec", ["/data", "data", "~/x", ".//a/../b"])
def test_one_part_is_an_anonymous_volume_with_a_clean_target(spec: str) -> None:
    target = {".//a/../b": "b"}.get(spec, spec)

    assert parse_volume(spec) == {"type": "volume", "target": target, "volume": {}}


@cases("spec", ["/", "/x", "a", "d:", ":", "é"])
def test_one_or_two_bytes_are_a_target_whatever_they_are(spec: str) -> None:
    assert parse_volume(spec) == {"type": "volume", "target": spec}


@cases(
    "source",
    [
        ".",
        "..",
        "./src",
        ".ssh",
        "/",
        "/srv/../etc",
        "//var//run",
        "~",
        "~/x",
        "~name",
        "\\\\.\\pipe",
    ],
)
def test_a_source_that_looks_like_a_path_is_a_bind_and_stays_as_written(source: str) -> None:
    assert parse_volume(f"{source}:/data") == {
        "type": "bind",
        "source": source,
        "target": "/data",
        "bind": BIND,
    }


@cases("source", ["cache", "sub/dir", "$HOME", "1", "\\pipe", "xy"])
def test_any_other_source_is_the_name_of_a_volume(source: str) -> None:
    assert parse_volume(f"{source}:/data") == {
        "type": "volume",
        "source": source,
        "target": "/data",
        "volume": {},
    }


@cases(
    ("spec", "long"),
    [
        ("d:/data", {"type": "volume", "target": "d:/data", "volume": {}}),
        (
            "d:/data:ro",
            {"type": "bind", "source": "d:/data", "target": "ro", "bind": BIND},
        ),
        (
            "C:\\x:C:\\y:ro",
            {
                "type": "bind",
                "source": "C:\\x",
                "target": "C:\\y",
                "read_only": True,
                "bind": BIND,
            },
        ),
        ("é:/x:/y", {"type": "bind", "source": "é:/x", "target": "/y", "bind": BIND}),
        ("/a:d:/b", {"type": "bind", "source": "/a", "target": "d:/b", "bind": BIND}),
    ],
)
def test_a_colon_after_a_single_letter_is_a_drive(spec: str, long: dict[str, Any]) -> None:
    assert parse_volume(spec) == long


@cases(
    ("options", "extra"),
    [
        ("ro", {"read_only": True, "volume": {}}),
        ("rw", {"volume": {}}),
        ("ro,rw", {"volume": {}}),
        ("rw,ro", {"read_only": True, "volume": {}}),
        ("nocopy", {"volume": {"nocopy": True}}),
        ("z", {"bind": {"selinux": "z"}, "volume": {}}),
        ("z,Z", {"bind": {"selinux": "Z"}, "volume": {}}),
        ("RO", {"volume": {}}),
        ("readonly", {"volume": {}}),
        ("cached,delegated, ro", {"volume": {}}),
        (
            "ro,rslave,nocopy",
            {
                "read_only": True,
                "bind": {"propagation": "rslave"},
                "volume": {"nocopy": True},
            },
        ),
    ],
)
def test_options_of_a_named_volume(options: str, extra: dict[str, Any]) -> None:
    assert parse_volume(f"cache:/data:{options}") == {
        "type": "volume",
        "source": "cache",
        "target": "/data",
        **extra,
    }


def test_options_of_a_bind() -> None:
    assert parse_volume("./a:/b:ro,shared,Z,nocopy") == {
        "type": "bind",
        "source": "./a",
        "target": "/b",
        "read_only": True,
        "bind": {"create_host_path": True, "propagation": "shared", "selinux": "Z"},
        "volume": {"nocopy": True},
    }


def test_a_target_is_cleaned() -> None:
    assert parse_volume("cache://data//x/../y/./")["target"] == "/data/y"
    assert parse_volume("cache:/../..")["target"] == "/"
    assert parse_volume("cache:..")["target"] == ".."
    assert volume_target("cache:/data/") == "/data/"


def test_colons_inside_a_variable_expression_do_not_divide() -> None:
    assert parse_volume("${A:-/x}:/data") == {
        "type": "volume",
        "source": "${A:-/x}",
        "target": "/data",
        "volume": {},
    }
    assert parse_volume("${A${B}:c}:/data")["source"] == "${A${B}:c}"
    assert parse_volume("${A:/data") == {"type": "volume", "volume": {}}


def test_a_nul_ends_a_volume_and_what_follows_is_read_as_parts_before_it() -> None:
    assert parse_volume("/ab\0b:/c:ro") == {
        "type": "bind",
        "source": "b:/c",
        "target": "/ab",
        "read_only": True,
        "bind": BIND,
    }


@cases(
    ("spec", "message"),
    [
        ("", "a volume is empty: write SOURCE:TARGET or TARGET"),
        ("::/data", "volume '::/data' has an empty part between colons"),
        (":/data", "volume ':/data' has an empty part between colons"),
        ("cache::ro", "volume 'cache::ro' has an empty part between colons"),
        ("cache:/data:", "volume 'cache:/data:' has an empty part between colons"),
        ("/a:/b:ro:x", "volume '/a:/b:ro:x' has more than three parts"),
    ],
)
def test_a_volume_that_cannot_be_read_is_an_error(spec: str, message: str) -> None:
    with pytest.raises(ShortFormError) as error:
        parse_volume(spec)

    assert str(error.value) == message


# --- ports ----------------------------------------------------------------------------------------


def port(target: int, published: str = "", protocol: str = "tcp", host_ip: str = "") -> Any:
    long: dict[str, Any] = {"mode": "ingress", "protocol": protocol}
    if target:
        long["target"] = target
    if published:
        long["published"] = published
    if host_ip:
        long["host_ip"] = host_ip
    return long


@cases(
    ("spec", "expected"),
    [
        ("80", port(80)),
        (":80", port(80)),
        ("8080:80", port(80, "8080")),
        ("080:0080", port(80, "80")),
        ("+80:+80", port(80, "80")),
        ("0:80", port(80, "0")),
        ("0", port(0)),
        ("53:53/UDP", port(53, "53", "udp")),
        ("53/sctp", port(53, "", "sctp")),
        ("80/", port(80)),
        ("22:22", port(22, "22")),
        ("127.0.0.1:8080:80", port(80, "8080", host_ip="127.0.0.1")),
        ("127.0.0.1::80", port(80, host_ip="127.0.0.1")),
        ("::1:8080:80", port(80, "8080", host_ip="::1")),
        ("[::1]:8080:80", port(80, "8080", host_ip="::1")),
        ("[]:8080:80", port(80, "8080")),
        ("0.0.0.0:1:1", port(1, "1", host_ip="0.0.0.0")),
        ("9000-9010:80", port(80, "9000-9010")),
        ("9000-9000:80", port(80, "9000")),
        ("80-080", port(80)),
        ("65535:65535", port(65535, "65535")),
    ],
)
def test_a_port_that_maps_one_container_port(spec: str, expected: dict[str, Any]) -> None:
    assert parse_ports(spec) == [expected]


def test_a_range_of_container_ports_comes_in_text_order() -> None:
    assert parse_ports("3008-3011:8-11/udp") == [
        port(10, "3010", "udp"),
        port(11, "3011", "udp"),
        port(8, "3008", "udp"),
        port(9, "3009", "udp"),
    ]
    assert parse_ports("99-101") == [port(100), port(101), port(99)]
    assert parse_ports("7-9:8-10") == [port(10, "9"), port(8, "7"), port(9, "8")]


@pytest.mark.thorough
def test_the_widest_range_has_an_entry_for_every_port() -> None:
    ports = parse_ports("1.2.3.4:0-65535:0-65535")

    assert len(ports) == 65536
    assert ports[0] == port(0, "0", host_ip="1.2.3.4")
    assert ports[-1] == port(9999, "9999", host_ip="1.2.3.4")


@cases(
    ("spec", "fault"),
    [
        ("", "has no container port"),
        ("80:", "has no container port"),
        ("80:/tcp", "has no container port"),
        ("80/icmp", "has a protocol that is not tcp, udp or sctp"),
        ("80/tcp/udp", "has a protocol that is not tcp, udp or sctp"),
        ("localhost:80:80", "has a host address that is not an IP address"),
        ("1.2.3:80:80", "has a host address that is not an IP address"),
        ("127.0.0.01:80:80", "has a host address that is not an IP address"),
        ("fe80::1%eth0:80:80", "has a host address that is not an IP address"),
        ("[::1:80:80", "has a host address that is not an IP address"),
        ("x", "has a part that is not a port number"),
        ("-80", "has a part that is not a port number"),
        ("80-", "has a part that is not a port number"),
        ("8.5:80", "has a part that is not a port number"),
        ("1_0", "has a part that is not a port number"),
        (" 80", "has a part that is not a port number"),
        ("80-81-82", "has a part that is not a port number"),
        ("65536", "has a number outside 0-65535"),
        ("80000:80", "has a number outside 0-65535"),
        ("82-80", "has a range whose end is before its start"),
        ("80-82:80-81", "has ranges of different lengths"),
        ("80:80-81", "has ranges of different lengths"),
    ],
)
def test_a_port_that_cannot_be_read_is_an_error(spec: str, fault: str) -> None:
    with pytest.raises(ShortFormError) as error:
        parse_ports(spec)

    assert str(error.value) == f"port {spec!r} {fault}"


@given(st.text(alphabet="0123456789:-/.[]tcpudp ", max_size=20))
def test_any_text_gives_ports_or_an_error(spec: str) -> None:
    try:
        ports = parse_ports(spec)
    except ShortFormError:
        return
    assert all(0 <= port.get("target", 0) <= 65535 for port in ports)


# --- devices --------------------------------------------------------------------------------------


@cases(
    ("spec", "source", "target", "permissions"),
    [
        ("/dev/sda", "/dev/sda", "/dev/sda", "rwm"),
        ("/dev/sda:/dev/xvda", "/dev/sda", "/dev/xvda", "rwm"),
        ("/dev/sda:/dev/xvda:r", "/dev/sda", "/dev/xvda", "r"),
        ("/dev/fuse:rwm", "/dev/fuse", "rwm", "rwm"),
        ("/dev/sda::r", "/dev/sda", "/dev/sda", "r"),
        ("/dev/sda:", "/dev/sda", "/dev/sda", "rwm"),
        ("/dev/sda:/x:", "/dev/sda", "/x", ""),
        ("./x/../y", "./x/../y", "./x/../y", "rwm"),
        ("nvidia.com/gpu=all", "nvidia.com/gpu=all", "nvidia.com/gpu=all", "rwm"),
        ("", "", "", "rwm"),
        (":/x", "", "/x", "rwm"),
    ],
)
def test_a_device_is_source_target_and_permissions(
    spec: str, source: str, target: str, permissions: str
) -> None:
    assert parse_device(spec) == {"source": source, "target": target, "permissions": permissions}


def test_a_device_of_four_parts_is_an_error() -> None:
    with pytest.raises(ShortFormError) as error:
        parse_device("/a:/b:r:w")

    assert str(error.value) == "device '/a:/b:r:w' has more than three parts: use the long form"
