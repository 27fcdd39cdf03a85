from __future__ import annotations

from pathlib import Path

import pytest

from policyd.audit.store import open_store
from tests.unit.audit.conftest import pair
from tests.unit.cli.conftest import Run


@pytest.mark.thorough
def test_a_log_is_backed_up_and_restored(run: Run, folder: Path) -> None:
    store = open_store(str(folder / "log.db"))
    last = store.append_decision(*pair("d1")).hash
    store.close()

    saved = run("audit", "backup", "copy.db", "--audit", "log.db")
    restored = run("audit", "restore", "copy.db", "--audit", "new.db")

    assert (saved.exit_code, saved.stdout) == (
        0,
        f"copy.db: event 1 is the last: 1:{last}\n",
    )
    assert (restored.exit_code, restored.stdout) == (
        0,
        f"new.db: event 1 is the last: 1:{last}\n",
    )
    assert run("audit", "verify", "--audit", "new.db", "--expect", f"1:{last}").exit_code == 0
    again = run("audit", "restore", "copy.db", "--audit", "new.db")
    assert (again.exit_code, "exists: stop policyd" in again.stderr) == (2, True)
    elsewhere = run("audit", "restore", "copy.db", "--audit", "postgresql://127.0.0.1:1/x")
    assert (elsewhere.exit_code, "postgresql://127.0.0.1:1/x" in elsewhere.stderr) == (2, True)
