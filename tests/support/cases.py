"""Table-driven tests: all rows of a table in one test.

`@cases(names, rows)` is written as `@pytest.mark.parametrize(names, rows)`. pytest spends several
milliseconds on each test, and most rows need less. A failure names every row that fails.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

_FAILURES = (Exception, pytest.fail.Exception)


def cases(
    names: str | Sequence[str],
    rows: Iterable[Any],
    *,
    ids: Iterable[str] | Callable[[Any], object] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that calls a test with each row, as the parameters `names`.

    Rows share the fixtures of the test: use `pytest.mark.parametrize` where each row needs its own
    folder or server. `ids` describe the rows; without them, their values do. A test without rows
    fails. Raises BaseExceptionGroup where more than one row fails.
    """
    split = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = _described(split, list(rows), ids)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(**fixtures: object) -> None:
            assert table, "the table of the test has no rows"
            failures = []
            for description, row in table:
                try:
                    test(**row, **fixtures)
                except _FAILURES as failure:
                    failure.add_note(f"case: {description}")
                    failures.append(failure)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(table)} cases fail", failures)

        signature = inspect.signature(test)
        kept = [each for each in signature.parameters.values() if each.name not in split]
        run.__signature__ = signature.replace(parameters=kept)
        return run

    return decorate


def _described(
    names: Sequence[str],
    rows: Sequence[Any],
    ids: Iterable[str] | Callable[[Any], object] | None,
) -> list[tuple[str, Mapping[str, object]]]:
    """Return a description of each row and its values by name."""
    described = []
    listed = None if ids is None or callable(ids) else list(ids)
    assert listed is None or len(listed) == len(rows), "there is not one id for each row"
    for index, row in enumerate(rows):
        values = row if len(names) > 1 else (row,)
        description = listed[index] if listed else None
        if isinstance(row, type(pytest.param())):
            assert not row.marks, "a row has no marks; use pytest.mark.parametrize"
            values, description = row.values, row.id or description
        if description is None:
            description = ", ".join(
                f"{name}={(ids(value) if callable(ids) else None) or value!r}"
                for name, value in zip(names, values, strict=True)
            )
        described.append((str(description), dict(zip(names, values, strict=True))))
    return described
