"""What every database promises about turns: one thread of all processes has a turn."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from policyd.audit.store import Store
from policyd.audit.turns import turn
from policyd.errors import AuditError

HOLDER: Final = """
import sys
from policyd.audit.store import open_store
from policyd.audit.turns import turn
with turn(open_store(sys.argv[1]).database, sys.argv[2]):
    print("taken", flush=True)
    sys.stdin.readline()
    print("given back", flush=True)
"""


def wait_for_another_process(store: Store, url: str) -> None:
    """A turn that another process has is waited for; other turns are not."""
    with _holder(url, "main/3/7") as other:
        assert other.stdin
        assert other.stdout
        with turn(store.database, "main/3/8"):
            pass
        with pytest.raises(AuditError), turn(store.database, "main/3/7", 0.1):
            pass
        waiting = threading.Timer(0.3, other.stdin.write, [b"\n"])
        waiting.start()
        with turn(store.database, "main/3/7"):
            assert other.stdout.readline() == b"given back\n"
        waiting.join()


def take_the_turn_of_a_process_that_was_killed(store: Store, url: str) -> None:
    """A process that is killed gives its turn back."""
    with _holder(url, "main/3/7") as other:
        other.kill()
        with turn(store.database, "main/3/7"):
            pass


def exclude_threads_of_one_process(store: Store, _url: str) -> None:
    """Threads take turns too, and more of them wait than the pool has connections."""
    inside: list[int] = []
    most: list[int] = []

    def take() -> None:
        with turn(store.database, "main/3/7"):
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.005)
            inside.pop()

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def keep_the_error_of_what_fails_in_a_turn(store: Store, _url: str) -> None:
    """What fails in a turn is not taken for an error of the database; the turn is given back."""
    for _ in range(2):
        with pytest.raises(OSError, match=r"^mine$"), turn(store.database, "main/3/7", 0.1):
            raise OSError("mine")


def _holder(url: str, name: str) -> subprocess.Popen[bytes]:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        bufsize=0,
    )
    assert other.stdout
    assert other.stdout.readline() == b"taken\n"
    return other


Contract = Callable[[Store, str], None]
CONTRACTS: Final[tuple[Contract, ...]] = (
    wait_for_another_process,
    take_the_turn_of_a_process_that_was_killed,
    exclude_threads_of_one_process,
    keep_the_error_of_what_fails_in_a_turn,
)
