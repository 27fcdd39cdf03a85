"""Find the changes whose deliveries were lost: forges do not repeat them.

In: the settings of a forge, what was stored before. Out: changes that are to be reviewed, and for a
GitHub App requests to deliver again. Searched are the repositories that the settings name without a
pattern, and those that reported something in the last days. Errors: ForgeError.
"""

from __future__ import annotations

from typing import Final

import msgspec
import structlog

from policyd.audit.pushes import Pushes
from policyd.errors import ForgeError, RequestError
from policyd.forge_settings import ForgeSettings
from policyd.forges import FORGES
from policyd.forges.contract import Call
from policyd.forges.earlier_reviews import number_of
from policyd.forges.events import Change
from policyd.forges.transport import Gone, Transport
from policyd.policies.matching import matches_any

MAX_REPOSITORIES: Final = 500
"""Repositories that one search looks at."""
MAX_PAGES: Final = 20
"""Pages of failed deliveries that one search reads, with 100 each."""
MAX_REQUESTED: Final = 10_000
"""Deliveries that are remembered as requested again."""
_PATTERN: Final = set("*?[{")
_DELIVERIES: Final = Call("GET", "/app/hook/deliveries?per_page=100&status=failure")

log = structlog.get_logger("policyd.forges")


class _Delivery(msgspec.Struct, frozen=True):
    id: int
    guid: str
    status_code: int = 0
    redelivery: bool = False


class Reconciler:
    """Searches the forge whose pushes are stored as those to `source`."""

    def __init__(
        self, forge: ForgeSettings, source: str, pushes: Pushes, transport: Transport
    ) -> None:
        self._forge = forge
        self._adapter = FORGES[forge.kind]
        self._source = source
        self._pushes = pushes
        self._transport = transport
        self._requested: set[str] = set()

    def lost(self) -> list[Change]:
        """Return the changes that nobody reported. Raises ForgeError, AuditError.

        Deliveries to a GitHub App are not returned: GitHub is asked to send them again.
        """
        if self._forge.app_id:
            self._redeliver()
            return []
        return [change for name in self._repositories() for change in self._unknown(name)]

    def _unknown(self, repository: str) -> list[Change]:
        """Return the open pull requests whose present heads no event was about."""
        found = self._open(repository)
        records = self._pushes.of_digests(self._source, [change.commit for change in found])
        known = {(record.digest, number_of(record)) for record in records}
        return [change for change in found if (change.commit, change.number) not in known]

    def _repositories(self) -> list[str]:
        named = {one for one in self._forge.repositories if not _PATTERN & set(one)}
        seen = self._pushes.repositories(self._source)
        wanted = (one for one in seen if one and matches_any(self._forge.repositories, one))
        return sorted(named.union(wanted))[:MAX_REPOSITORIES]

    def _open(self, repository: str) -> list[Change]:
        call = self._adapter.open_pull_requests(repository)
        try:
            return self._adapter.open_changes(self._transport.send(call))
        except (Gone, RequestError) as error:
            log.warning("open pull requests not read", repository=repository, reason=error.masked)
            return []

    def _redeliver(self) -> None:
        """Ask GitHub to send the failed deliveries of the last days again, each once.

        GitHub keeps a delivery as failed after it was sent again. Those that arrived are stored, or
        need no review; what was requested is remembered for the latter.
        """
        for page in self._transport.pages(_DELIVERIES, MAX_PAGES):
            found = _deliveries(page)
            arrived = self._pushes.known_events(self._source, [one.guid for one in found])
            repeated = arrived | {one.guid for one in found if one.redelivery} | self._requested
            for one in found:
                if one.guid in repeated or 200 <= one.status_code < 300:
                    continue
                path = f"/app/hook/deliveries/{one.id}/attempts"
                self._transport.send(Call("POST", path, done=(200, 201, 202)))
                repeated.add(one.guid)
                self._remember(one.guid)
                log.info("delivery requested again", event_id=one.guid)

    def _remember(self, guid: str) -> None:
        if len(self._requested) >= MAX_REQUESTED:
            self._requested.clear()
        self._requested.add(guid)


def _deliveries(page: bytes) -> list[_Delivery]:
    try:
        return msgspec.json.decode(page, type=list[_Delivery])
    except (ValueError, RecursionError) as error:
        raise ForgeError("the forge sent a list of deliveries that is not valid") from error
