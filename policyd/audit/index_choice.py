"""Say which index a query of the audit log uses.

In: columns and the values that a query asks for. Out: conditions. Without statistics, a database
takes any of several indexes that fit, such as that of a kind which nearly all events have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func

Asked = tuple[ColumnElement[Any], object]
"""A column, and the value that it must have."""


def led(asked: Sequence[Asked]) -> list[ColumnElement[bool]]:
    """Return the conditions of `asked`, of which only the first can be looked up by an index."""
    return [*(column == value for column, value in asked[:1]), *unindexed(asked[1:])]


def unindexed(asked: Sequence[Asked]) -> list[ColumnElement[bool]]:
    """Return the conditions of `asked`, of which none can be looked up by an index."""
    return [func.coalesce(column, column) == value for column, value in asked]
