"""The real timer, in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

STUCK = """
from policyd.config import Settings
from policyd.engines.embedded import EmbeddedEngine
from policyd.serving import watchdog
watchdog.start(0.5)
rego = '''package policyd.main

result := count([1 | some i in numbers.range(1, 9000); some j in numbers.range(1, 9000); i + j < 0])
'''
EmbeddedEngine({"main.rego": rego}, {}, 600).findings(b"{}")
"""
BUSY = """
import time
from policyd.serving import watchdog
watchdog.start(0.5)
end = time.process_time() + 1
while time.process_time() < end:
    pass
print("done")
"""
PAUSED = """
import time
from policyd.serving import watchdog
watchdog.PUTTING_OFF_SECONDS = 600
watchdog.start(2400)
import signal
signal.setitimer(signal.ITIMER_VIRTUAL, 0.5)
time.sleep(1)
print("done")
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.thorough
def test_a_process_whose_engine_never_comes_back_ends_and_says_where_it_was():
    done = run(STUCK)

    assert done.returncode == -signal.SIGVTALRM
    assert "_evaluate_all" in done.stderr


@pytest.mark.slow
def test_a_process_that_is_busy_and_lets_its_threads_run_goes_on():
    done = run(BUSY)

    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_time_without_work_does_not_count():
    done = run(PAUSED)

    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
