"""Say whether a version of Docker Engine shows the body of every request to plugins.

In: the version that the daemon reports. Out: "ok", "unsafe" or "unknown". Distributions fix older
versions without a change of the first numbers, so only a version of Docker's own can be unsafe.
Sources: security advisories GHSA-v23v-6jw2-98fq (CVE-2024-41110) and GHSA-x744-4wpc-v9h2
(CVE-2026-34040).
"""

from __future__ import annotations

import re
from typing import Final

from policyd.host_findings import State

FIXED: Final = (29, 3, 1)
"""The first version with both fixes."""
_FIRST_FIXES: Final = {23: (23, 0, 15), 25: (25, 0, 6), 26: (26, 1, 5), 27: (27, 1, 1)}
"""The first versions of older series with the fix of CVE-2024-41110; 28 and newer have it."""
_OWN: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-(?:rc|beta)[.0-9]*)?")
"""A version of Docker: those of distributions have a longer name, as in 20.10.24+dfsg1."""
_NUMBERS: Final = re.compile(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?")


def state_of(version: str) -> State:
    """Return whether the engine `version` has both fixes."""
    found = _NUMBERS.match(version)
    if not found:
        return "unknown"
    numbers = tuple(int(one or 0) for one in found.groups())
    if numbers >= FIXED:
        return "ok"
    first = _FIRST_FIXES.get(numbers[0], (28,))
    return "unsafe" if _OWN.fullmatch(version) and numbers < first else "unknown"
