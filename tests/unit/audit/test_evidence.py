"""What evidence that is kept elsewhere finds in a log whose owner rewrote it without a trace."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policyd.audit import checkpoints
from policyd.audit.chain import GENESIS, link
from policyd.audit.evidence import Statement
from policyd.audit.verify import verify
from policyd.errors import AuditError, NoteError
from policyd.transparency import merkle
from policyd.transparency.checkpoint import Checkpoint
from policyd.transparency.note import Signer
from tests.support.ledger import ORIGIN, SIGNER, signed

UNLOCK = (
    "DROP TRIGGER events_no_update",
    "DROP TRIGGER events_no_delete",
    "DROP TRIGGER events_append",
)
FORGET = ("DELETE FROM tree_nodes", "DELETE FROM checkpoints")
"""Removes what the database itself remembers of earlier states."""


@pytest.fixture
def log(store, record):
    """A log of three events that grant nothing, a checkpoint, and two more events."""
    for number in (1, 2, 3):
        record(f"d{number}", operation="CHECK")
    note = signed(store)
    for number in (4, 5):
        record(f"d{number}", operation="CHECK")
    (kept,) = checkpoints.stated(note, [SIGNER.verifier], "kept.txt")
    return store, kept


@pytest.fixture
def run(path):
    """A function that runs SQL on the file as someone can who may write it."""

    def execute(*statements: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in (*UNLOCK, *statements):
                connection.execute(statement)

    return execute


@pytest.fixture
def rewrite(path, run):
    """A function that changes an event and computes all following hashes anew."""

    def execute(sequence: int) -> None:
        run()
        with closing(sqlite3.connect(path)) as connection, connection:
            last = GENESIS
            rows = connection.execute("SELECT sequence, payload FROM events ORDER BY 1").fetchall()
            for number, payload in rows:
                own = payload.replace("ci-bot", "nobody") if number == sequence else payload
                following = link(last, own.encode())
                connection.execute(
                    "UPDATE events SET payload = ?, prev_hash = ?, hash = ?, username = ?"
                    " WHERE sequence = ?",
                    (own, last, following, "nobody" if "nobody" in own else "ci-bot", number),
                )
                last = following
            connection.execute("UPDATE heads SET hash = ?", (last,))

    return execute


def said(store, *statements: Statement) -> list[str]:
    with store.database.reading() as connection:
        return [str(problem) for problem in verify(connection, statements).problems]


def test_an_intact_log_agrees_with_every_statement(log) -> None:
    store, kept = log
    noted = store.decisions()[1]
    statements = (kept, Statement("a note", noted.sequence, hash=noted.hash))

    with store.database.reading() as connection:
        report = verify(connection, statements)
    assert report.problems == ()
    assert report.evidence == ("kept.txt (3 events)", "a note (4 events)")


def test_rewritten_history_is_found_by_the_tree_at_its_first_event(log, rewrite) -> None:
    rewrite(2)

    assert said(log[0]) == [
        "event 2: the tree of hashes has another hash of it",
        "event 1: it, or a later one up to event 3, was changed: the stored checkpoint of 3 events"
        " has other events",
    ]


def test_rewritten_history_without_a_trace_is_found_by_a_kept_checkpoint(log, run, rewrite) -> None:
    store, kept = log
    rewrite(3)
    run_again = sqlite3.connect(store.name)
    with closing(run_again), run_again:
        for statement in FORGET:
            run_again.execute(statement)

    assert said(store) == []
    assert said(store, kept) == [
        "event 1: it, or a later one up to event 3, was changed: kept.txt has other events"
    ]


def test_a_kept_hash_narrows_down_what_was_rewritten(log, rewrite) -> None:
    store, _ = log
    before = {one.sequence: one.hash for one in store.decisions()}
    rewrite(4)
    statements = [Statement(f"note {n}", n, hash=before[n]) for n in (5, 3)]

    assert said(store, *statements)[-1] == (
        "event 4: it, or a later one up to event 5, was changed: note 5 has other events"
    )
    statements.append(Statement("note 4", 4, hash=before[4]))
    assert said(store, *statements)[-2:] == [
        "event 4: it was changed: note 4 has other events",
        "event 4: it, or a later one up to event 5, was changed: note 5 has other events",
    ]


def test_a_deleted_tail_is_found_at_its_first_event(log, run) -> None:
    store, kept = log
    run(
        *FORGET,
        "UPDATE targets SET sequence = 1",
        "DELETE FROM events WHERE sequence > 1",
        "UPDATE heads SET sequence = 1, hash = (SELECT hash FROM events)",
    )

    assert said(store) == []
    assert said(store, kept) == ["event 2: is missing, but kept.txt has 3 events"]


def test_a_deleted_tail_is_found_by_the_tree_and_the_stored_checkpoint(log, run) -> None:
    run(
        "UPDATE targets SET sequence = 1",
        "DELETE FROM events WHERE sequence > 1",
        "UPDATE heads SET sequence = 1, hash = (SELECT hash FROM events)",
    )

    assert said(log[0]) == [
        "event 2: is missing, but the tree of hashes has it",
        "event 2: is missing, but the stored checkpoint of 3 events has 3 events",
    ]


def test_an_emptied_log_is_found(log, run) -> None:
    store, kept = log
    run(
        *FORGET,
        "DELETE FROM targets",
        "DELETE FROM events",
        f"UPDATE heads SET sequence = 0, hash = '{GENESIS}'",
    )

    assert said(store) == []
    assert said(store, kept) == ["event 1: is missing, but kept.txt has 3 events"]


def test_two_checkpoints_that_contradict_each_other_are_found(log) -> None:
    store, kept = log
    other = Statement("other.txt", 3, root=merkle.EMPTY_ROOT)

    assert said(store, kept, other) == [
        "event 3: the log has two heads: other.txt contradicts others of 3 events"
    ]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "INSERT INTO heads VALUES (2, 5, 'x')",
            "event 5: the log has 2 heads; it must have one",
        ),
        ("DELETE FROM heads", "event 0: the log has 0 heads; it must have one"),
    ],
)
def test_a_log_has_one_head(log, run, statement: str, problem: str) -> None:
    run(statement)

    assert said(log[0])[0] == problem


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE tree_nodes SET hash = zeroblob(32) WHERE level = 0 AND position = 3",
            "event 4: the tree of hashes has another hash of it",
        ),
        (
            "UPDATE tree_nodes SET hash = zeroblob(32) WHERE level = 2",
            "event 4: the tree of hashes has another hash of the 4 events up to it",
        ),
        (
            "DELETE FROM tree_nodes WHERE level = 0 AND position = 4",
            "event 5: the tree of hashes has another hash of it",
        ),
        (
            "INSERT INTO tree_nodes VALUES (0, 5, zeroblob(32))",
            "event 6: is missing, but the tree of hashes has it",
        ),
    ],
)
def test_a_changed_tree_is_found(log, run, statement: str, problem: str) -> None:
    run(statement)

    assert said(log[0]) == [problem]


def test_a_stored_checkpoint_that_was_changed_is_found(log, run) -> None:
    run("UPDATE checkpoints SET root = 'x'")

    assert said(log[0]) == [
        "event 1: it, or a later one up to event 3, was changed: the stored checkpoint of 3 events"
        " has other events"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "DELETE FROM events WHERE sequence > 1",
            "event 2 is missing: the tree of the audit log has 5 events, but the log ends at "
            "event 1; see `policyd audit verify`",
        ),
    ],
)
def test_a_log_without_its_tail_takes_no_event_and_signs_nothing(
    log, run, record, change: str, message: str
) -> None:
    run(change, "UPDATE heads SET sequence = 1, hash = (SELECT hash FROM events)")

    for write in (lambda: record("new"), lambda: signed(log[0]), log[0].check_writable):
        with pytest.raises(AuditError) as caught:
            write()
        assert str(caught.value) == message
    assert log[0].decisions(1)[0].sequence == 1


def test_a_log_signs_nothing_that_contradicts_its_last_checkpoint(log, run) -> None:
    run("UPDATE checkpoints SET root = hex(zeroblob(32))")
    with pytest.raises(AuditError, match="does not extend its last checkpoint of 3 events"):
        signed(log[0])

    run_later = "UPDATE checkpoints SET size = 6"
    with closing(sqlite3.connect(log[0].name)) as connection, connection:
        connection.execute(run_later)
    with pytest.raises(AuditError, match="event 6 is missing: the last checkpoint has 6 events"):
        signed(log[0])


def test_a_new_key_signs_the_same_events_again(log) -> None:
    store, _ = log
    first = signed(store)
    other = Signer(ORIGIN, Ed25519PrivateKey.generate())
    with store.database.writing() as connection:
        second = checkpoints.sign(connection, other, "2026-11-24T00:00:00.000000000Z")

    assert second != first
    assert checkpoints.stated(second, [other.verifier], "x") == checkpoints.stated(
        first, [SIGNER.verifier], "x"
    )


def test_checkpoints_of_an_old_and_a_new_key_in_one_file_are_compared(log) -> None:
    store, _ = log
    other = Signer(ORIGIN, Ed25519PrivateKey.generate())
    old = signed(store)
    store.append_event("stop", {}, now=0)
    with store.database.writing() as connection:
        new = checkpoints.sign(connection, other, "2026-11-24T00:00:00.000000000Z")
    keys = [SIGNER.verifier, other.verifier]

    statements = checkpoints.stated(old + new, keys, "kept")

    assert [(one.source, one.size) for one in statements] == [
        ("checkpoint 1 in kept", 5), ("checkpoint 2 in kept", 6),
    ]  # fmt: skip
    with store.database.reading() as connection:
        report = verify(connection, statements)
    assert (report.ok, report.evidence) == (True, ("checkpoint 2 in kept (6 events)",))
    with pytest.raises(NoteError, match="the note has no signature by a known key"):
        checkpoints.stated(old + new, keys[1:], "kept")
    stranger = Signer("a", Ed25519PrivateKey.generate()).verifier
    with pytest.raises(NoteError, match=r"^the keys are of several logs: a, policyd"):
        checkpoints.stated(old, [*keys, stranger], "kept")


def test_a_proof_of_an_event_that_was_rewritten_is_not_made(log, rewrite) -> None:
    rewrite(2)

    with log[0].database.reading() as connection, pytest.raises(AuditError) as caught:
        checkpoints.prove(connection, "d2")
    assert str(caught.value) == (
        "event 2 is not the one of the checkpoint of 3 events; see `policyd audit verify`"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("index 1", "index 0"), "does not lead to the root"),
        (lambda text: text.replace("extra ey", "extra fy"), "does not lead to the root"),
        (lambda text: text.replace("\n3\n", "\n4\n"), "does not hold"),
    ],
)
def test_a_changed_proof_shows_nothing(log, change, message: str) -> None:
    with log[0].database.reading() as connection:
        proof = checkpoints.prove(connection, "d2")
    assert checkpoints.proven_entry(proof, [SIGNER.verifier])[0].decision == "d2"

    with pytest.raises(NoteError, match=message):
        checkpoints.proven_entry(change(proof), [SIGNER.verifier])


def test_a_proof_of_something_else_is_refused() -> None:
    for entry in (b"x", b'{"v":1,"sequence":2,"kind":"","decision":"","time":"","hash":""}'):
        root = merkle.leaf_hash(entry)
        note = SIGNER.sign(Checkpoint(ORIGIN, 1, root).text)
        proof = checkpoints.Proof(0, (), note, entry).text
        with pytest.raises(NoteError, match="entry of"):
            checkpoints.proven_entry(proof, [SIGNER.verifier])
