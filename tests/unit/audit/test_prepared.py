"""Statements that are compiled once: they do what SQLAlchemy does with them."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from policyd.audit.prepared import Prepared, command, driver_of, savepoint
from policyd.audit.tables import documents, heads

INSERT = Prepared(insert(documents))
CONTENT = Prepared(select(documents.c.content).where(documents.c.digest == bindparam("digest")))


def test_a_statement_runs_once_with_each_row(store):
    rows = [{"digest": "a", "content": b"\x00\xff"}, {"content": b"", "digest": "b"}]
    with store.database.writing() as connection:
        INSERT.run(connection, rows)

    with store.database.reading() as connection:
        found = connection.execute(select(documents).order_by(documents.c.digest)).all()
        assert CONTENT.first(connection, {"digest": "a"}) == (b"\x00\xff",)
        assert CONTENT.first(connection, {"digest": "c"}) is None
    assert [tuple(row) for row in found] == [("a", b"\x00\xff"), ("b", b"")]


def test_all_rows_are_returned_in_order(store):
    few = Prepared(
        select(documents)
        .where(documents.c.digest != bindparam("other"))
        .order_by(documents.c.digest)
        .limit(2)
    )
    rows = [{"digest": name, "content": name.encode()} for name in ("a", "b", "c", "d")]
    with store.database.writing() as connection:
        INSERT.run(connection, rows)

    with store.database.reading() as connection:
        assert few.all(connection, {"other": "b"}) == [("a", b"a"), ("c", b"c")]
        with pytest.raises(DBAPIError, match="no such table"):
            Prepared(text("SELECT * FROM absent")).all(connection, {})


def test_fixed_and_given_parameters_stand_in_the_order_of_the_statement(store):
    move = Prepared(
        update(heads).where(heads.c.id == 1).values(sequence=bindparam("number"), hash="fixed")
    )
    with store.database.writing() as connection:
        move.run(connection, [{"number": 7}])
        found = connection.execute(select(heads)).one()

    assert tuple(found) == (1, 7, "fixed")


def test_errors_of_the_driver_are_those_of_sqlalchemy(store):
    row = {"digest": "a", "content": b""}
    with store.database.reading() as connection:
        driver = driver_of(connection)
        with pytest.raises(DBAPIError, match="UNIQUE"):
            INSERT.run(connection, [row, row])
        with pytest.raises(DBAPIError, match="no such table"):
            Prepared(text("SELECT * FROM absent")).first(connection, {})
        with pytest.raises(DBAPIError, match="syntax error"):
            command(driver, "NONSENSE")


def test_what_fails_after_a_savepoint_is_undone_and_the_transaction_goes_on(store):
    with store.database.writing() as connection:
        INSERT.run(connection, [{"digest": "a", "content": b""}])
        with pytest.raises(DBAPIError, match="UNIQUE"), savepoint(connection):
            INSERT.run(connection, [{"digest": name, "content": b""} for name in ("b", "a")])
        with savepoint(connection):
            INSERT.run(connection, [{"digest": "c", "content": b""}])

    with store.database.reading() as connection:
        found = connection.execute(select(documents.c.digest).order_by(documents.c.digest))
        assert found.scalars().all() == ["a", "c"]
