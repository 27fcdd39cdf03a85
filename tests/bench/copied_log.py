"""Copy a long log from SQLite to PostgreSQL in bulk, for measurements.

In: the SQLite file of a log, the URL of an empty log on PostgreSQL. Out: the same rows there.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg

TABLES: Final = ("events", "grants", "grant_devices", "exception_uses", "tree_nodes")
_ROWS_AT_ONCE: Final = 5_000


def copy(path: Path, url: str) -> None:
    """Write the rows of the log at `path` into the empty log at `url`, postgresql://…"""
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source,
        psycopg.connect(url) as target,
    ):
        indexes = target.execute(
            "SELECT indexname, indexdef FROM pg_indexes i WHERE schemaname = 'public'"
            " AND tablename = ANY(%s)"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = i.indexname)",
            [list(TABLES)],
        ).fetchall()
        for name, _ in indexes:
            target.execute(f'DROP INDEX "{name}"')
        target.execute("ALTER TABLE events DISABLE TRIGGER USER")
        for table in TABLES:
            _copy_table(source, target, table)
        target.execute("ALTER TABLE events ENABLE TRIGGER USER")
        for _, definition in indexes:
            target.execute(definition)  # type: ignore[arg-type]
        head = source.execute("SELECT sequence, hash FROM heads").fetchone()
        target.execute("UPDATE heads SET sequence = %s, hash = %s", head)
    with psycopg.connect(url, autocommit=True) as target:
        target.execute("VACUUM ANALYZE")


def _copy_table(source: sqlite3.Connection, target: psycopg.Connection, table: str) -> None:
    rows = source.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in rows.description]
    booleans = [place for place, name in enumerate(names) if name == "allowed"]
    columns = ", ".join(names)
    with target.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as written:
        while some := rows.fetchmany(_ROWS_AT_ONCE):
            for row in some:
                values = list(row)
                for place in booleans:
                    values[place] = bool(values[place])
                written.write_row(values)
