from __future__ import annotations

from policyd.audit.sessions import LIFETIME, Session, Sessions
from policyd.audit.tables import console_sessions
from policyd.audit.token_record import Permissions

SECOND = 1_000_000_000


def test_a_session_is_found_until_it_ends(store) -> None:
    sessions = Sessions(store)
    user = Session(permissions=Permissions(owner="ann", scopes=("audit:read",)))
    name = sessions.begin(user, 5 * SECOND)

    assert sessions.find(name, 5 * SECOND) == user
    assert sessions.find(name + "x", 5 * SECOND) is None
    assert sessions.find(name, (4 + LIFETIME) * SECOND) == user
    assert sessions.find(name, (5 + LIFETIME) * SECOND) is None
    sessions.end(name)
    assert sessions.find(name, 5 * SECOND) is None


def test_the_database_has_no_id_and_no_session_that_ended(store) -> None:
    sessions = Sessions(store)
    sessions.begin(Session(token="a" * 64), 0)
    name = sessions.begin(Session(token="b" * 64), LIFETIME * SECOND)

    with store.database.reading() as connection:
        rows = connection.execute(console_sessions.select()).all()
    assert [row.token for row in rows] == ["b" * 64]
    assert name not in str(rows)
