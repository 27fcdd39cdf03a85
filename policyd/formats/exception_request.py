"""The document that asks for an exception.

In: the violations of one policy, and who asks. Out: an Exception in YAML, as narrow as these
violations. It begins with `---`, so that it can be appended to a policy set. It has no
`approvedBy`: the policy set refuses it until somebody approves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import yaml

from policyd.formats.table import visible
from policyd.model import API_VERSION, Source, Violation
from policyd.policies.times import moment

MAX_NAME: Final = 60
_HEAD: Final = """\
---
# Ask the owners of the policy set to review this document and to add it. It does not
# load before they add `approvedBy`.
"""


class ExceptionRequest(msgspec.Struct, frozen=True):
    """A request to exempt `violations` of `policy`. Times are in nanoseconds since the epoch."""

    policy: str
    project: str
    violations: Sequence[Violation]
    source: Source
    owner: str
    reason: str
    starts: int
    expires: int


def request_text(request: ExceptionRequest, *, colour: bool = False) -> str:
    """Return the document of kind Exception for `request`."""
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "Exception",
        "metadata": {"name": _name(request)},
        "spec": {
            "policies": [visible(request.policy)],
            "match": _match(request),
            "starts": moment(request.starts),
            "expires": moment(request.expires),
            "owner": visible(request.owner),
            "reason": visible(request.reason),
        },
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    messages = dict.fromkeys(visible(one.message) for one in request.violations)
    return _HEAD + "".join(f"# {message}\n" for message in messages) + text


def _match(request: ExceptionRequest) -> dict[str, list[str]]:
    source = request.source
    match = {
        "repositories": [source.repository],
        "environments": [source.environment],
        "hosts": [source.host],
        "projects": [request.project],
        "services": sorted({one.service for one in request.violations if one.service}),
        "paths": sorted({"/".join(map(str, one.path)) for one in request.violations}),
    }
    return {key: [*map(visible, values)] for key, values in match.items() if any(values)}


def _name(request: ExceptionRequest) -> str:
    words = re.sub("[^a-z0-9]+", "-", f"{request.project}-{request.policy}".lower()).strip("-")
    return words[:MAX_NAME].strip("-") or "request"
