"""Recognize the names and addresses of this machine. Source: RFC 6761, 6.3; RFC 1122, 3.2.1.3."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address, is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
