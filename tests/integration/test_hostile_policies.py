"""A live server whose policies attack it: each attack costs its own review only, and is recorded.

The policies behave on the sample project of the trial and on all projects but the ones that they
attack, so they are in force. Clients that ask about other projects all the time are the neighbours.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from policyd.audit.store import open_store
from tests.conftest import Webhook, wait_until
from tests.support.namedrule import HEADING, POLICY

pytestmark = pytest.mark.slow

WORKERS = 2
SMALL_STACK = (
    "import resource\n"
    "_, hard = resource.getrlimit(resource.RLIMIT_STACK)\n"
    "resource.setrlimit(resource.RLIMIT_STACK, (512 * 1024, hard))\n"
)
"""Runs in the server first: its evaluators have a stack that rules of an allowed depth overflow."""
RULES = 200


def attack(body: str, image: str) -> str:
    return (
        '\nviolation contains {"msg": "no", "service": "", "path": []} if {\n'
        f'\tsome workload in input.workloads\n\tworkload.image == "{image}"\n{body}}}\n'
    )


RECURSION = "\tdeeper0([workload.name]) == 1\n"
DEEPER = "".join(f"\ndeeper{n}(x) := deeper{n + 1}([[[x]]])\n" for n in range(RULES)) + (
    f"\ndeeper{RULES}(x) := 1 if x\n"
)
ENDLESS = "\tcount([1 | some i in xs; some j in xs; some k in xs; i + j + k < 0]) > 0\n"
NUMBERS = "\nxs := numbers.range(1, 90000)\n"
MEMORY = (
    '\ttext := concat("", [workload.image | some _ in numbers.range(1, 30000)])\n'
    '\tconcat("", [text | some _ in numbers.range(1, 30000)]) != ""\n'
)
"""Asks for 5 GB at once."""
PANIC = '\tobject.subset(input.project["x-list"], input.project["x-empty"])\n'
HOSTILE = (
    POLICY
    + attack(RECURSION, "recursion")
    + attack(ENDLESS, "endless")
    + attack(MEMORY, "memory")
    + attack(PANIC, "panic")
    + NUMBERS
    + DEEPER
)


class Neighbours:
    """Clients that ask about a harmless project until they are told to stop."""

    def __init__(self, url: str, number: int = 3) -> None:
        self._url = url
        self._done = threading.Event()
        self.answers: list[tuple[int, object]] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._done.is_set():
            try:
                response = review(self._url, "nginx:1.27", name="db")
                self.answers.append((response.status_code, response.json()["response"]["allowed"]))
            except (requests.RequestException, ValueError, KeyError) as error:
                self.answers.append((0, repr(error)))

    def stop(self) -> list[tuple[int, object]]:
        self._done.set()
        for thread in self._threads:
            thread.join()
        return self.answers


class Hostile:
    """A running server with the hostile policies, and the folder of its policy set."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "acme"
        (self.rules / "rules").mkdir(parents=True)
        (self.rules / "policyset.yaml").write_text(HEADING)
        self.write(HOSTILE)
        self.folder = folder / "server"
        self.folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings: dict[str, object] = {
            "workers": WORKERS,
            "policy_set": str(self.rules),
            "review_timeout": 8,
            "reload_interval": 0,
        }
        self.webhook = Webhook(self.folder, port, settings, SMALL_STACK)
        wait_until(self.webhook.is_ready)

    def write(self, text: str) -> None:
        (self.rules / "rules" / "policy.rego").write_text(text)

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if not path.name.startswith(("counter_", "histogram_", "gauge_"))
        }


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    running = Hostile(tmp_path_factory.mktemp("hostile"))
    for _ in range(WORKERS * 4):
        review(running.webhook.url, "nginx:1.27", name="db")
    yield running
    running.webhook.kill()


def review(url: str, image: str, name: str = "web") -> requests.Response:
    # A connection of its own for each review, so that all workers get some.
    return requests.post(
        f"{url}/v1/review",
        data=f"x-list: [1]\nx-empty: []\nservices:\n  {name}:\n    image: {image}\n",
        headers={"Content-Type": "application/yaml", "Connection": "close"},
    )


def processes(session: int) -> set[int]:
    """Return the processes of a session, also those that have ended and not been waited for."""
    return {
        int(entry)
        for entry in os.listdir("/proc")
        if entry.isdigit() and _session(int(entry)) == session
    }


def _session(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("recursion", "the evaluator process ended by SIGSEGV"),
        ("endless", "evaluating the policies exceeded 8 seconds"),
        ("memory", "needs more than 2 GiB of memory: let their rules build smaller collections"),
        ("panic", "the Rego interpreter panicked: window size must be non-zero"),
    ],
)
def test_an_attack_is_a_recorded_denial_and_cuts_no_neighbour(
    hostile: Hostile, image: str, reason: str
) -> None:
    webhook = hostile.webhook
    before, files = processes(webhook.process.pid), hostile.files()
    neighbours = Neighbours(webhook.url)
    try:
        answers = [review(webhook.url, image) for _ in range(2)]
    finally:
        met = neighbours.stop()
    after = review(webhook.url, "nginx:1.27")

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    decisions = [answer.json()["response"] for answer in answers]
    for decision in decisions:
        assert decision["allowed"] is False
        assert decision["status"]["code"] == 500
        assert reason in decision["status"]["message"]
    assert {(200, True)} == set(met)
    assert len(met) > len(decisions)
    assert after.json()["response"]["violations"][0]["message"] == "it is named web"

    store = open_store(webhook.audit)
    recorded = [json.loads(store.decision(one["decisionId"]).payload) for one in decisions]
    store.close()
    assert [(one["result"]["allowed"], one["result"]["status"]) for one in recorded] == [
        (False, decision["status"]) for decision in decisions
    ]

    assert webhook.output.count("Spawning worker") == WORKERS
    assert hostile.files() == files
    # An evaluator more in each worker at most: the one that stood in while another was busy.
    assert len(processes(webhook.process.pid)) <= len(before) + WORKERS


def test_more_endless_reviews_than_evaluators_are_denials_or_overload_and_later_reviews_work(
    hostile: Hostile,
) -> None:
    webhook = hostile.webhook
    answers: list[requests.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(review(webhook.url, "endless")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # 429 and 504: no evaluator was free in time, so nothing is decided or recorded.
    assert {answer.status_code for answer in answers} <= {200, 429, 504}
    assert not any(a.json()["response"]["allowed"] for a in answers if a.status_code == 200)
    for _ in range(WORKERS * 3):
        assert review(webhook.url, "nginx:1.27", name="db").json()["response"]["allowed"] is True


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (RECURSION, "the policy set ended the process that loaded it by SIGSEGV"),
        (MEMORY, "needs more than 2 GiB of memory: let its rules build smaller collections"),
        (
            "\tobject.subset([1], [])\n",
            "object.subset needs a set or an object, but [1] is an array",
        ),
        (
            '\tobject.subset(object.get({}, workload.name, [1]), object.get({}, "", []))\n',
            "the Rego interpreter panicked: window size must be non-zero",
        ),
        ("\tdeeper0(workload.name) == forever(1)\n", "a rule must not depend on itself"),
    ],
)
def test_a_set_that_attacks_its_trial_leaves_the_last_good_one_in_force(
    hostile: Hostile, body: str, reason: str
) -> None:
    webhook = hostile.webhook
    before = requests.get(f"{webhook.url}/readyz").json()["policySet"]
    refusals = webhook.output.count('"policy set refused"')
    neighbours = Neighbours(webhook.url)
    try:
        forever = "\nforever(x) := forever(x)\n" if "forever" in body else ""
        hostile.write(POLICY + attack(body, "registry.example/web:1") + NUMBERS + DEEPER + forever)
        webhook.process.send_signal(signal.SIGHUP)
        wait_until(lambda: webhook.output.count('"policy set refused"') > refusals)
    finally:
        met = neighbours.stop()
        hostile.write(HOSTILE)

    def warned() -> bool:
        return any(
            reason in one for one in requests.get(f"{webhook.url}/readyz").json()["warnings"]
        )

    wait_until(warned)
    assert set(met) == {(200, True)}
    assert requests.get(f"{webhook.url}/readyz").json()["policySet"] == before
    assert review(webhook.url, "nginx:1.27").json()["response"]["policySet"] == before


def test_no_process_and_no_file_is_left_when_it_stops(hostile: Hostile) -> None:
    webhook = hostile.webhook
    session = webhook.process.pid
    children = processes(session) - {session}
    assert len(children) >= WORKERS * 2

    assert webhook.stop() == 0

    wait_until(lambda: not processes(session))
    assert {name for name in hostile.files() if name.startswith("policyd-")} == set()
    store = open_store(webhook.audit)
    report = store.verify()
    store.close()
    assert report.problems == ()
