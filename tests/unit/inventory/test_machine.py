from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from policyd.inventory import machine as module
from policyd.inventory.machine import Machine, below


def test_files_are_read_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "x").write_text(" text \n")
    machine = Machine(tmp_path)

    assert machine.text("/etc/x") == "text"
    assert machine.text("/etc/no") is None
    assert machine.text("/etc") is None
    assert list(below(machine, "/etc")) == ["/etc/x"]
    assert machine.names("/no") == []
    assert machine.exists("/etc/x")
    assert machine.link("/etc/x") == ""


def test_a_file_that_is_too_large_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_text("12345")
    monkeypatch.setattr(module, "MAX_FILE", 4)

    assert Machine(tmp_path).text("/x") is None


def test_documents_that_are_not_valid_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.yaml").write_text("[")
    (tmp_path / "c.yaml").write_text("a: 1")

    machine = Machine(tmp_path)
    assert [machine.document(f"/{name}") for name in ("a.json", "b.yaml", "c.yaml", "no.yaml")] == [
        None,
        None,
        {"a": 1},
        None,
    ]


@pytest.mark.thorough
def test_programs_run_on_the_running_machine_only(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "print(' out ')")

    assert Machine().output(*command) == "out"
    assert Machine(tmp_path).output(*command) is None
    assert Machine().output("no-such-program-of-policyd") is None
    assert Machine().output(sys.executable, "-c", "raise SystemExit(1)") is None
    assert Machine().architecture == platform.machine()
    assert Machine(tmp_path).architecture == ""
