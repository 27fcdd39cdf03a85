"""Requests of a Docker daemon to its authorization plugin, and the recorded bodies."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

_RECORDED = Path(__file__).parents[1] / "unit" / "host" / "recorded.json"


@cache
def recorded() -> dict[str, dict[str, Any]]:
    """Return what real daemons sent: `bodies` as texts by name, `envelopes` by name."""
    found: dict[str, dict[str, Any]] = json.loads(_RECORDED.read_text())
    return found


def body(name: str) -> bytes:
    """Return the recorded body so named."""
    return str(recorded()["bodies"][name]).encode()


def envelope(uri: str, content: Any = None, method: str = "POST", **fields: Any) -> bytes:
    """Return what the daemon sends about a request; `content` is bytes, or becomes JSON."""
    sent: dict[str, Any] = {"RequestMethod": method, "RequestUri": uri, **fields}
    if content is not None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        sent["RequestBody"] = base64.b64encode(raw).decode()
    sent["RequestHeaders"] = {"X-Registry-Config": "c2VjcmV0", "Content-Type": "application/json"}
    return json.dumps(sent).encode()


def creation(**host: Any) -> dict[str, Any]:
    """Return a request to create a container with this HostConfig."""
    return {"Image": "local/busybox:1.0", "Cmd": ["true"], "HostConfig": host}
