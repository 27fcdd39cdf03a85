"""The revision of a policy set: a digest of everything that decides.

In: the content of a policy set. Out: "sha256:…", the same for the same content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from policyd.digests import sha256
from policyd.model import Location
from policyd.policies.exceptions import PolicyException
from policyd.policies.manifests import Constraint


def revision_of(
    name: str,
    modules: Mapping[str, str],
    data: Mapping[str, Any],
    constraints: Iterable[Constraint],
    exceptions: Iterable[PolicyException],
) -> str:
    """Return the revision of a policy set with this content. Positions do not count."""
    content = {
        "name": name,
        "modules": modules,
        "data": data,
        "constraints": [msgspec.structs.replace(c, location=Location("")) for c in constraints],
        "exceptions": [msgspec.structs.replace(e, location=Location("")) for e in exceptions],
    }
    text = msgspec.json.encode(msgspec.to_builtins(content), order="deterministic")
    return "sha256:" + sha256(text).hexdigest()
