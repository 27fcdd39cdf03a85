from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.audit.checkpoint_copies import FileCopy, SignedCheckpoint, UrlCopy, checkpoints_in
from policyd.errors import ConfigError, DeliveryError
from policyd.transparency.checkpoint import Checkpoint
from tests.support.http_recorder import Recorder, Reply, recorder
from tests.support.ledger import ORIGIN, SIGNER


def signed(size: int) -> SignedCheckpoint:
    checkpoint = Checkpoint(ORIGIN, size, bytes(32))
    return SignedCheckpoint(checkpoint, SIGNER.sign(checkpoint.text))


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


def test_checkpoints_are_appended_once(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    copy = FileCopy("checkpoint_copies.disk", str(file))

    for size in (1, 1, 2, 2, 1):
        copy.deliver(signed(size), 1)

    notes = [signed(1).note, signed(2).note, signed(1).note]
    assert file.read_text() == "".join(notes)
    assert list(checkpoints_in(file.read_text(), ORIGIN)) == notes


ENDS = [place for place, character in enumerate(signed(2).note) if character == "\n"]
CUTS = sorted({place + near for place in ENDS for near in (-1, 0, 1, 2)} & set(range(1, 150)))


@pytest.mark.parametrize("length", CUTS)
def test_what_a_crash_left_of_a_checkpoint_is_left_out(tmp_path: Path, length: int) -> None:
    file = tmp_path / "kept"
    file.write_text(signed(1).note + signed(2).note[:length])

    before = list(checkpoints_in(file.read_text(), ORIGIN))
    FileCopy("copy", str(file)).deliver(signed(3), 1)

    assert before[0] == signed(1).note
    assert list(checkpoints_in(file.read_text(), ORIGIN)) == [signed(1).note, signed(3).note]


def test_other_text_is_not_left_out() -> None:
    note = signed(1).note

    assert list(checkpoints_in(f"x\n{note}\n{note[:-9]}\n", ORIGIN)) == [
        "x\n", note, f"{note[:-9]}\n",
    ]  # fmt: skip
    assert list(checkpoints_in("", ORIGIN)) == []


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError) as caught:
        FileCopy("copy", str(tmp_path)).deliver(signed(1), 1)
    assert str(caught.value) == f"{tmp_path}: cannot be written: Is a directory"


def test_a_checkpoint_is_sent_to_a_url_of_its_own(server: Recorder) -> None:
    copy = UrlCopy("copies.web", f"{server.url}/{{size}}", "POST", "", "", insecure=False)
    server.replies = [Reply(201), Reply(403)]

    copy.deliver(signed(7), 5)
    with pytest.raises(DeliveryError) as caught:
        copy.deliver(signed(8), 5)

    assert [(one.method, one.path) for one in server.seen] == [
        ("POST", "/logs/7"), ("POST", "/logs/8"),
    ]  # fmt: skip
    assert server.seen[0].body == signed(7).note.encode()
    assert server.seen[0].headers["content-type"] == "text/plain; charset=utf-8"
    assert str(caught.value) == f"{server.url}/8 answered with status 403"
    with pytest.raises(ConfigError, match=r"^copies\.web\.url: http://host is not encrypted"):
        UrlCopy("copies.web", "http://host", "PUT", "", "", insecure=False)
