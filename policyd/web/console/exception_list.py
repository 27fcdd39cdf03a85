"""The exceptions that a reader may see, with their states and uses.

In: the policy set in force, the audit log, what the reader may see. Out: exceptions as `policyd
exceptions` lists them. An exception that can only apply to places which the reader may not see is
left out, and so are the globs for such places. Errors: AuditError.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from policyd.audit.visibility import Visibility
from policyd.exception_list import ListedException, exception_list
from policyd.services import Services
from policyd.web.visible_rules import HIDDEN, visible_selector

WITHIN: Final = 14
"""Days before its end in which an exception is listed as expiring, as in `policyd exceptions`."""
UNUSED_FOR: Final = 30
"""Days without a use after which an exception is listed as unused."""


def visible_exceptions(
    services: Services, visibility: Visibility, *, within: int = WITHIN, uses: bool = True
) -> list[ListedException]:
    """Return the exceptions of the policy set in force that `visibility` shows, soonest first.

    Those that end `within` days are expiring. Without `uses`, the audit log is not read.
    """
    listed = exception_list(
        services.policy_set,
        services.audit if uses else None,
        now=services.clock(),
        within=within,
        unused_for=UNUSED_FOR,
        visibility=visibility,
    )
    return list(_shown(listed.items, visibility))


def _shown(listed: Sequence[ListedException], visibility: Visibility) -> Iterator[ListedException]:
    for exception in listed:
        match = visible_selector(exception.match, visibility)
        if match is not None:
            shown = {
                field: [HIDDEN] if field in match.hidden else list(match.globs[field])
                for field in exception.match
            }
            yield msgspec.structs.replace(exception, match=shown)
