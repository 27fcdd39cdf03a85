"""Work out everything about a loaded project that depends on the policy set and on the host.

In: a loaded project, the data of a policy set, the name of a host. Out: the same project, whose
workloads have their grants and the answers whether the host can run them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from policyd.grants.resolution import GrantResolver
from policyd.loading import Loaded

if TYPE_CHECKING:
    from policyd.compatibility.assessment import CompatibilityResolver


class HostResolver:
    """Resolves projects by the data of one policy set. May be used by many threads at once."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Read the data of a policy set. Raises PolicySetError for data that is not valid."""
        self.grants = GrantResolver(data)
        self._compatibility: CompatibilityResolver | None = None
        if data.get("policyd", {}).get("inventory", {}).get("hosts"):
            # Imported here because `check` starts faster without, where no host is known.
            from policyd.compatibility.assessment import CompatibilityResolver

            self._compatibility = CompatibilityResolver(data)

    def on_host(self, loaded: Loaded, host: str = "") -> Loaded:
        """Return `loaded` with grants and answers for the host that is named `host`."""
        granted = self.grants.with_grants(loaded, host)
        if self._compatibility is None:
            return granted
        workloads = self._compatibility.resolve(granted.workloads, host)
        return msgspec.structs.replace(granted, workloads=workloads)
