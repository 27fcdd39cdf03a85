"""Read the comments by which a Compose file asks for an exception.

In: the text of a file. Out: the policies that are asked for, with the reason, by line. A comment
`# policyd: request POLICY reason…` is about the value on its line. On a line of its own, it is
about the next line that is neither blank nor a comment. It has no effect unless an exception of
the policy set says `onRequest: true`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from policyd.lazy_pattern import lazy_pattern

Requests = Mapping[tuple[str, int], Mapping[str, str]]
"""The reason by policy, by the file and the line of the value."""

MARKER: Final = b"policyd: request"
"""What a file with a request contains."""
MAX_REASON: Final = 200
"""Characters of a reason that are kept."""
MAX_REQUESTS: Final = 1_000
"""Requests of one file that are read."""

_REQUEST: Final = lazy_pattern(r"(?:^|\s)#[ \t]*policyd: request[ \t]+([a-z0-9-]+)[ \t]+(\S.*)$")


def inline_requests(text: str) -> dict[int, dict[str, str]]:
    """Return the reason of each request by policy, by the line of the value, from 1.

    A request without a reason is none.
    """
    found: dict[int, dict[str, str]] = {}
    waiting: dict[str, str] = {}
    number_of_requests = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        request = _REQUEST.search(line) if "policyd: request" in line else None
        if request and number_of_requests < MAX_REQUESTS:
            number_of_requests += 1
            waiting[request[1]] = request[2].strip()[:MAX_REASON]
        if line.strip() and not line.lstrip().startswith("#"):
            if waiting:
                found[number] = waiting
            waiting = {}
    return found
