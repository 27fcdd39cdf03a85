"""Where policyd differs from `docker compose config` on purpose: case, and the reason.

A case listed here must differ: the test fails when it starts to agree, so that the list stays true.
"""

from __future__ import annotations

DELIBERATE: dict[str, str] = {}
"""By "area/name"."""
