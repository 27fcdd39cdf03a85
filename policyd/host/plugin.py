"""The authorization plugin: what the daemon may ask it, and what it answers.

In: a Gate. Out: handlers for the paths of the plugin protocol. The answer after a request is always
yes, because the request has been handled by then. Source: moby pkg/authorization (AuthZApiRequest,
AuthZApiImplements); keys of the answer as Go writes them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

import msgspec

from policyd.host.gate import Answer, Gate
from policyd.host.plugin_server import Handler

ACTIVATE: Final = "/Plugin.Activate"
BEFORE: Final = "/AuthZPlugin.AuthZReq"
AFTER: Final = "/AuthZPlugin.AuthZRes"

_IMPLEMENTS: Final = b'{"Implements":["authz"]}'
_ALLOWED: Final = b'{"Allow":true}'
_TOO_LATE: Final = "policyd: there is no decision in time, so the request is denied"


def handlers(gate: Gate) -> Mapping[str, Handler]:
    """Return the handlers by path."""
    return {
        ACTIVATE: functools.partial(_activate, gate),
        BEFORE: lambda body: encoded(gate.before(body)),
        AFTER: functools.partial(_after, gate),
    }


def _activate(gate: Gate, _: bytes) -> bytes:
    gate.restarted()  # a daemon asks this once
    return _IMPLEMENTS


def _after(gate: Gate, body: bytes) -> bytes:
    gate.after(body)
    return _ALLOWED


def encoded(answer: Answer) -> bytes:
    """Return `answer` as the daemon reads it: it shows `Msg`, and ignores `Err`."""
    if answer.allowed:
        return _ALLOWED
    return msgspec.json.encode({"Allow": False, "Msg": answer.message})


LATE: Final = {BEFORE: encoded(Answer(False, _TOO_LATE))}
"""The answers, by path, where there is no decision in time."""
