"""The tokens in the database. In: records of tokens. Out: a table, or JSON."""

from __future__ import annotations

from collections.abc import Sequence

from policyd import wire
from policyd.audit.token_record import TokenRecord
from policyd.formats import json
from policyd.formats.table import seconds, table

_HEADER = ("NAME", "OWNER", "STATE", "EXPIRES", "SCOPES", "REPOSITORIES", "ENVIRONMENTS", "HOSTS")


def text(tokens: Sequence[TokenRecord], *, colour: bool = False) -> str:
    """Return a table of `tokens`."""
    if not tokens:
        return "No tokens are in the database.\n"
    return "\n".join(table(_HEADER, [_row(one) for one in tokens])) + "\n"


def as_json(tokens: Sequence[TokenRecord], *, colour: bool = False) -> str:
    """Return the TokenList."""
    return json.render(wire.TokenList(items=tokens))


def _row(one: TokenRecord) -> list[str]:
    limits = one.permissions
    return [
        one.name,
        limits.owner,
        f"revoked {seconds(one.revoked)}" if one.revoked else "active",
        seconds(one.expires) if one.expires else "never",
        ",".join(limits.scopes),
        ",".join(limits.repositories) or "-",
        ",".join(limits.environments),
        ",".join(limits.hosts),
    ]
