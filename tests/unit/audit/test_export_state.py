from __future__ import annotations

from pathlib import Path

import pytest

from policyd.audit.export import Position
from policyd.audit.export_state import ExportState
from policyd.errors import DeliveryError


def test_a_position_is_kept_in_a_file_of_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    state = ExportState(str(file))

    assert state.read() == Position(0, "00" * 32)
    for number in (7, 8):
        state.write(Position(number, "ab"))
    assert state.read() == Position(8, "ab")
    assert file.read_text() == '{"sequence":8,"hash":"ab"}\n'
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]


def test_a_file_that_is_no_position_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    for content in ("", "{}", "[]", '{"sequence": "1", "hash": ""}'):
        file.write_text(content)
        with pytest.raises(DeliveryError, match="is not the state of an export"):
            ExportState(str(file)).read()
    with pytest.raises(DeliveryError, match=r"cannot be read: Is a directory$"):
        ExportState(str(tmp_path)).read()
    with pytest.raises(DeliveryError, match=r"cannot be written: No such file or directory$"):
        ExportState(str(tmp_path / "none" / "state")).write(Position())


def test_one_export_at_a_time_uses_a_file(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    with (
        ExportState(path).locked(),
        pytest.raises(DeliveryError, match=r"^another export uses .*state\.json$"),
        ExportState(path).locked(),
    ):
        pass
    with ExportState(path).locked():
        pass
    with (
        pytest.raises(DeliveryError, match=r"cannot be created: No such file"),
        ExportState(str(tmp_path / "none" / "state")).locked(),
    ):
        pass
