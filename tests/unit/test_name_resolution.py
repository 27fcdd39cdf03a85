from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from policyd.name_resolution import addresses


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3"])
def test_an_address_is_its_own_whatever_the_name_server_does(
    address: str, silent_name_server: None
) -> None:
    assert addresses(address, 80, 0.0) == [address]


def test_a_name_server_that_does_not_answer_costs_the_given_time(silent_name_server: None) -> None:
    for _ in range(2):
        with pytest.raises(TimeoutError, match=r"the address of db\.example was not"):
            addresses("db.example", 5432, 0.05)
    lookups = [one for one in threading.enumerate() if one.name == "policyd-lookup"]
    assert len(lookups) == 1


def test_the_addresses_come_in_the_order_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def answer(host: str, port: int, **options: Any) -> list[Any]:
        if options.get("flags"):
            return resolve(host, port, **options)
        return [(0, 0, 0, "", (address, port)) for address in ("10.0.0.2", "10.0.0.1", "10.0.0.2")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert addresses("other.example", 5432, 60) == ["10.0.0.2", "10.0.0.1"]


@pytest.mark.parametrize("name", ["", "a" * 70 + ".example", "\0"])
def test_what_is_no_name_has_no_address(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def refuse(host: str, port: int, **options: Any) -> Any:
        if options.get("flags"):
            return resolve(host, port, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(OSError, match="Name or service not known"):
        addresses(name or "nowhere.example", 80, 60)
