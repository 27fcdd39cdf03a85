"""Say which indexes a query of the audit log uses.

In: columns and the values that a query asks for. Out: conditions. Without statistics, a database
takes any of several indexes that fit, such as that of a kind which nearly all events have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    false,
    func,
    literal_column,
    select,
    text,
)

from policyd.audit.tables import events

Asked = tuple[ColumnElement[Any], object]
"""A column, and the value that it must have."""
Span = Callable[[FromClause], list[ColumnElement[bool]]]
"""Returns the conditions on the time of events, given the table of events or its alias."""

FEW: Final = 1_000
"""Events that are read one by one without a noticeable delay."""
RARE: Final = 25_000
"""Events whose entries in an index are read without a noticeable delay."""
MAX_SETS: Final = 500
"""Limit of the different sets of policies that are examined for one policy."""

_SETS: Final = text("""
    WITH RECURSIVE found(policies) AS (
        SELECT min(policies) FROM events WHERE policies != ' '
        UNION ALL
        SELECT (SELECT min(policies) FROM events
                WHERE policies != ' ' AND policies > found.policies)
        FROM found WHERE found.policies IS NOT NULL
    )
    SELECT policies FROM found WHERE policies IS NOT NULL LIMIT :limit
""")
"""The different sets of policies that events reported: each takes one look at an index."""


def led(asked: Sequence[Asked]) -> list[ColumnElement[bool]]:
    """Return the conditions of `asked`, of which only the first can be looked up by an index."""
    return [*(column == value for column, value in asked[:1]), *unindexed(asked[1:])]


def unindexed(asked: Sequence[Asked]) -> list[ColumnElement[bool]]:
    """Return the conditions of `asked`, of which none can be looked up by an index."""
    return [func.coalesce(column, column) == value for column, value in asked]


def intersected(
    connection: Connection, asked: Sequence[Asked], span: Span
) -> list[ColumnElement[bool]]:
    """Return the conditions of `asked` on events, for which few events of `span` are read.

    The rarest value leads. If few events have it together with other rare values, these events are
    found in the indexes, because all events with the first value would be read otherwise. The
    columns are those of `tables.events`.
    """
    if len(asked) < 2:
        return led(asked)
    counts = [_count(connection, [_named(one) == value], span, RARE) for one, value in asked]
    if 0 in counts:
        return [false()]
    order = sorted(range(len(asked)), key=counts.__getitem__)
    rare = [asked[number] for number in order if counts[number] <= RARE]
    if counts[order[0]] > FEW and len(rare) > 1:
        common = _common(connection, rare, span)
        if not common:
            return [false()]
        if len(common) <= FEW:
            return [events.c.sequence.in_(common), *unindexed(asked)]
    return led([asked[number] for number in order])


def has_rare(connection: Connection, asked: Sequence[Asked], span: Span) -> bool:
    """Return whether at most RARE events of `span` have one of the values of `asked`."""
    return any(
        _count(connection, [_named(column) == value], span, RARE) <= RARE for column, value in asked
    )


def _common(connection: Connection, asked: Sequence[Asked], span: Span) -> Sequence[int]:
    """Return up to FEW + 1 events that have all values of `asked`; only indexes are read."""
    (column, value), *others = asked
    among = [
        _EVENTS.c.sequence.in_(
            select(_OTHERS.c.sequence).where(_OTHERS.c[one.name] == wanted, *span(_OTHERS))
        )
        for one, wanted in others
    ]
    query = select(_EVENTS.c.sequence).where(_named(column) == value, *span(_EVENTS), *among)
    return connection.execute(query.limit(FEW + 1)).scalars().all()


def reporting(
    connection: Connection, policy: str, span: Span
) -> tuple[list[ColumnElement[bool]], bool]:
    """Return conditions on events which few of `span` are read for if few reported `policy`.

    The second value says whether they have an index of their own. Other conditions must say that
    the events reported `policy`.
    """
    sets = connection.execute(_SETS, {"limit": MAX_SETS + 1}).scalars().all()
    if len(sets) > MAX_SETS:
        return [], False
    of_policy = [each for each in sets if f" {policy} " in each]
    if not of_policy:
        return [false()], True
    conditions = [
        _EVENTS.c.policies.in_(of_policy),
        _EVENTS.c.policies != literal_column("' '"),
    ]
    if _count(connection, conditions, span, FEW) > FEW:
        return [], False
    return [_listed(conditions, span)], True


_EVENTS: Final = events.alias("listed")
_OTHERS: Final = events.alias("others")


def _named(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return _EVENTS.c[column.name]  # type: ignore[no-any-return]


def _count(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], span: Span, limit: int
) -> int:
    """Return how many events meet `conditions`, `limit` + 1 if there are more than `limit`."""
    some = select(_EVENTS.c.time).where(*conditions, *span(_EVENTS)).limit(limit + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _listed(conditions: Sequence[ColumnElement[bool]], span: Span) -> ColumnElement[bool]:
    return events.c.sequence.in_(select(_EVENTS.c.sequence).where(*conditions, *span(_EVENTS)))
