"""From a delivery to a verdict: real application, queue, engine and log, and a loopback forge."""

from __future__ import annotations

import hashlib
import hmac
import json
import multiprocessing
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from policyd.audit.event import event_of
from policyd.audit.pushes import Pushes
from policyd.audit.store import Store, open_store
from policyd.bootstrap import build
from policyd.config import Settings
from policyd.forge_settings import ForgeSettings
from policyd.forges.events import Change, ExceptionRequest, Reconciliation
from policyd.forges.reconciling import Reconciler
from policyd.forges.reviews import ForgeReviews, Reviewer, push_of
from policyd.forges.tokens import token_source
from policyd.forges.transport import Transport
from policyd.registry import push_queue
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.forge_deliveries import FORGE_REVIEWS
from tests.conftest import wait_until
from tests.support.cases import cases
from tests.support.forge import ForgeServer, forge_server

NOW = 1_800_000_000_000_000_000
HEAD, BASE, NEWER, LATER = "a" * 40, "b" * 40, "c" * 40, "e" * 40
CLEAN = "services:\n  web:\n    image: nginx:1.27\n"
DENIED = "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n"
GRANTED = """\
services:
  train:
    image: pytorch/pytorch:2.7.0
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia, device_ids: ["1"], capabilities: [gpu]}]
"""
SECRET = "s3cret-of-the-webhook"


@pytest.fixture(scope="module")
def deciding() -> Iterator[Services]:
    built = build(Settings())
    yield built
    built.close()


@pytest.fixture
def store(tmp_path: Path, empty_log: Path) -> Iterator[Store]:
    opened = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", (0.0, 0.0))


@pytest.fixture(params=["github", "gitlab", "gitea"])
def forge(request: pytest.FixtureRequest) -> Iterator[ForgeServer]:
    with forge_server(request.param) as server:
        yield filled(server)


@pytest.fixture
def github() -> Iterator[ForgeServer]:
    with forge_server("github") as server:
        yield filled(server)


def filled(server: ForgeServer) -> ForgeServer:
    """Return `server` with a pull request that makes a project privileged."""
    server.commits = {BASE: {"compose.yaml": CLEAN}, HEAD: {"compose.yaml": DENIED}}
    server.heads, server.bases = {7: HEAD}, {7: BASE}
    return server


def services(
    deciding: Services, store: Store, server: ForgeServer, tmp_path: Path, **more: Any
) -> Services:
    for name, text in (("token", "t0ken-of-the-api"), ("secret", SECRET)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    settings = ForgeSettings(
        kind=server.kind,  # type: ignore[arg-type]
        url=f"http://{server.host}",
        insecure=True,
        secret_file=str(tmp_path / "secret"),
        token_file=str(tmp_path / "token"),
        repositories=("ml/**",),
        **more,
    )
    return Services(Settings(forges={"main": settings}), deciding.rules, store, lambda: NOW)


def change(**changes: Any) -> Change:
    return Change(
        **{
            "delivery": "d1",
            "kind": "pull-request",
            "repository": "ml/train",
            "repository_id": 3,
            "commit": HEAD,
            "base": BASE,
            "ref": "refs/heads/feature",
            "number": 7,
            "actor": "ada",
            "source_id": 3,
            **changes,
        }
    )


def reviewed(services: Services, *changes: Change | ExceptionRequest | Reconciliation) -> None:
    """Review `changes`, one after the other."""
    reviews = ForgeReviews(services)
    pushes = Pushes(services.audit)
    for one in changes:
        assert reviews.offer("main", one)
        wait_until(lambda: not pushes.records(states=("waiting", "running")))
    reviews.close()


def recorded(store: Store) -> list[Any]:
    return [event_of(one) for one in reversed(store.decisions(100))]


@pytest.mark.thorough
def test_a_pull_request_that_is_denied_is_recorded_and_told(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    reviewed(services(deciding, store, forge, tmp_path), change())

    (event,) = recorded(store)
    review = event.input.review
    assert (event.result.allowed, event.result.project) == (False, "train")
    assert (review.enforcement_point, review.operation) == ("forge", "CHECK")
    assert (review.source.repository, review.source.commit) == ("ml/train", HEAD)
    (status,) = forge.statuses
    denied = {"github": "failure", "gitea": "failure", "gitlab": "failed"}[forge.kind]
    assert (status["sha"], status["state"]) == (HEAD, denied)
    assert status["description"] == "Denied: compose.yaml (no-privileged)"
    if forge.kind != "github":
        (comment,) = forge.comments.values()
        assert "### Denied by this change" in comment
        assert r"| new | no\-privileged | compose.yaml\:4\:17 |" in comment


@cases(
    ("settings", "report_url", "link"),
    [
        ({}, "", ""),
        ({"public_url": "https://p.example"}, "", "https://p.example/console/decisions/{id}"),
        ({"public_url": "https://p.example/x/"}, "", "https://p.example/x/console/decisions/{id}"),
        (
            {"public_url": "https://p.example", "console": False},
            "",
            "https://p.example/v1/decisions/{id}",
        ),
        (
            {"public_url": "https://p.example"},
            "https://other.example/?id=",
            "https://other.example/?id={id}",
        ),
    ],
)
@pytest.mark.thorough
def test_the_status_links_to_the_decision(
    deciding: Services,
    store: Store,
    github: ForgeServer,
    tmp_path: Path,
    settings: dict[str, Any],
    report_url: str,
    link: str,
) -> None:
    served = services(deciding, store, github, tmp_path, report_url=report_url)
    served = replace(served, settings=msgspec.structs.replace(served.settings, **settings))
    delivery = f"{settings}{report_url}"

    reviewed(served, change(delivery=delivery, kind="push", number=0))

    (event,) = recorded(store)
    expected = link.replace("{id}", event.decision_id)
    assert github.statuses[-1].get("target_url", "") == expected


@pytest.mark.thorough
def test_violations_on_changed_lines_are_told_before_more_severe_ones(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    with forge_server("github") as forge:
        forge.commits = {
            BASE: {"a/compose.yaml": DENIED},
            HEAD: {"a/compose.yaml": f"{DENIED}    pid: host\n"},
        }
        served = app_services(deciding, store, forge, tmp_path)
        reviewed(served, change(kind="push", number=0, installation=5))

    ((run,),) = forge.check_runs.values()
    annotations = run["output"]["annotations"]
    assert [(one["path"], one["start_line"], one["title"]) for one in annotations] == [
        ("a/compose.yaml", 5, "no-host-namespaces"),
        ("a/compose.yaml", 4, "no-privileged"),
    ]


@pytest.mark.thorough
def test_a_later_review_changes_the_comment_in_place(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    served = services(deciding, store, forge, tmp_path)
    forge.commits[NEWER] = {"compose.yaml": CLEAN + "    read_only: true\n"}

    reviewed(served, change())
    forge.heads[7] = NEWER
    reviewed(served, change(delivery="d2", commit=NEWER))

    assert [one["sha"] for one in forge.statuses] == [HEAD, NEWER]
    if forge.kind != "github":
        (comment,) = forge.comments.values()
        assert r"Allowed\: 1 project changed" in comment


@pytest.mark.thorough
def test_the_report_on_an_older_commit_does_not_replace_that_on_a_newer_one(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    forge.heads[7] = NEWER

    reviewed(services(deciding, store, forge, tmp_path), change())

    assert [one["sha"] for one in forge.statuses] == [HEAD]
    assert forge.comments == {}


@pytest.mark.thorough
def test_a_newer_head_that_is_reviewed_meanwhile_keeps_its_comment(
    deciding: Services, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer review ends while the older one writes its comment, after it saw its head."""
    told = threading.Event()
    with forge_server("gitea") as forge:
        filled(forge).commits[NEWER] = {"compose.yaml": CLEAN + "    read_only: true\n"}
        served = services(deciding, store, forge, tmp_path)
        reviews, pushes, comments = ForgeReviews(served), Pushes(store), []
        answer = forge.answer

        def slow(method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
            if path.endswith("/comments") and not comments:
                comments.append(path)
                forge.heads[7] = NEWER
                reviews.offer("main", change(delivery="d2", commit=NEWER))
                told.wait()
                threading.Event().wait(0.2)  # without a lock, the newer one comments now
            answered = answer(method, path, body)
            if path.endswith(f"/statuses/{NEWER}"):
                told.set()
            return answered

        monkeypatch.setattr(forge, "answer", slow)
        assert reviews.offer("main", change())
        wait_until(lambda: len(pushes.records(states=("done",))) == 2)
        reviews.close()

    (comment,) = forge.comments.values()
    assert r"Allowed\: 1 project changed" in comment


@pytest.mark.thorough
def test_two_processes_that_review_a_pull_request_make_one_comment(
    deciding: Services, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has looked for a comment before the other one has made it, unless they take turns."""
    fork = multiprocessing.get_context("fork")
    with forge_server("gitea") as forge:
        served = services(deciding, store, filled(forge), tmp_path)
        answer, together = forge.answer, threading.Barrier(2)

        def slow(method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
            if path.endswith(f"/statuses/{HEAD}"):
                together.wait(30)
            if path.endswith("/comments"):
                threading.Event().wait(0.5)
            return answer(method, path, body)

        monkeypatch.setattr(forge, "answer", slow)
        processes = [
            fork.Process(target=review_alone, args=(served, store.name, delivery))
            for delivery in ("d1", "d2")
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]

    assert [one["sha"] for one in forge.statuses] == [HEAD, HEAD]
    assert len(forge.comments) == 1


def review_alone(served: Services, path: str, delivery: str) -> None:
    """Review a change in this process, and no change that others store."""
    own = Services(served.settings, build(Settings()).rules, open_store(path), lambda: NOW)
    forge = own.settings.forges["main"]
    transport = Transport(forge, token_source(forge, "forges.main"))
    reconciler = Reconciler(forge, "forge/main", Pushes(own.audit), transport)
    reviewer = Reviewer(own, "main", forge, transport, reconciler, lambda _: True)
    reviewer.review(push_of(change(delivery=delivery)))


@pytest.mark.thorough
def test_a_push_that_touches_no_project_does_not_replace_the_verdict_on_the_pull_request(
    deciding: Services, store: Store, github: ForgeServer, tmp_path: Path
) -> None:
    link = "https://p.example/v1/decisions/"
    served = services(deciding, store, github, tmp_path, report_url=link)
    github.commits[LATER] = {**github.commits[HEAD], "README": "new"}
    github.heads[7] = LATER

    reviewed(
        served,
        change(delivery="d1", commit=LATER),
        change(delivery="d2", commit=LATER, base=HEAD, kind="push", number=0),
    )

    descriptions = [one["description"] for one in github.statuses]
    assert descriptions == ["Denied: compose.yaml (no-privileged)"] * 2
    (event,) = recorded(store)
    links = {one["target_url"] for one in github.statuses}
    assert links == {f"https://p.example/v1/decisions/{event.decision_id}"}


@pytest.mark.thorough
def test_a_push_before_the_review_of_the_pull_request_keeps_the_verdict_of_the_commit_before(
    deciding: Services, store: Store, github: ForgeServer, tmp_path: Path
) -> None:
    served = services(deciding, store, github, tmp_path)
    github.commits[LATER] = {**github.commits[HEAD], "README": "new"}
    github.commits[NEWER] = {"compose.yaml": CLEAN, "README": "new"}
    pushed = {"kind": "push", "number": 0}

    reviewed(
        served,
        change(delivery="d1", **pushed),
        change(delivery="d2", commit=LATER, base=HEAD, **pushed),
        change(delivery="d3", commit=NEWER, base=LATER, **pushed),
    )

    assert [one["description"] for one in github.statuses] == [
        "Denied: compose.yaml (no-privileged)",
        "Denied: compose.yaml (no-privileged)",
        "Allowed: 1 project changed",
    ]


@pytest.mark.thorough
def test_a_pull_request_into_another_branch_does_not_allow_a_commit_that_is_denied(
    deciding: Services, store: Store, github: ForgeServer, tmp_path: Path
) -> None:
    served = services(deciding, store, github, tmp_path)
    github.commits[LATER] = {**github.commits[HEAD], "README": "old"}
    github.heads[8] = HEAD

    reviewed(served, change(), change(delivery="d2", number=8, base=LATER))

    descriptions = [one["description"] for one in github.statuses]
    assert descriptions == ["Denied: compose.yaml (no-privileged)"] * 2


@pytest.mark.thorough
def test_a_pull_request_counts_more_than_what_the_commit_before_was(
    deciding: Services, store: Store, github: ForgeServer, tmp_path: Path
) -> None:
    """The target branch has the project that is denied, so the pull request is not to blame."""
    served = services(deciding, store, github, tmp_path)
    github.commits[LATER] = {**github.commits[HEAD], "README": "new"}
    github.heads[7] = LATER
    pushed = {"kind": "push", "number": 0}

    reviewed(
        served,
        change(delivery="d1", **pushed),
        change(delivery="d2", commit=LATER, base=HEAD),
        change(delivery="d3", commit=LATER, base=HEAD, **pushed),
    )

    descriptions = [one["description"] for one in github.statuses]
    assert descriptions[1:] == ["The change touches no Compose project."] * 2


@pytest.mark.thorough
def test_a_commit_is_not_allowed_while_the_review_of_its_pull_request_has_failed(
    deciding: Services, store: Store, github: ForgeServer, tmp_path: Path
) -> None:
    served = services(deciding, store, github, tmp_path)
    github.failing = [(403, {})]
    github.commits[HEAD] = {"compose.yaml": CLEAN + "    read_only: true\n"}

    reviewed(served, change(), change(delivery="d2", kind="push", number=0))

    assert [one["description"][:45] for one in github.statuses] == [
        f"Not reviewed, so not allowed: {github.host}"[:45],
        "Not reviewed, so not allowed: another pull re",
        "Allowed: 1 project changed",
    ]


@pytest.mark.thorough
def test_a_commit_that_was_reviewed_before_is_decided_once(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    served = services(deciding, store, forge, tmp_path)

    reviewed(served, change(), change(delivery="d2"))

    assert len(recorded(store)) == 1


@pytest.mark.thorough
def test_a_push_needs_three_requests(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    pushed = change(kind="push", number=0, ref="refs/heads/main")

    reviewed(services(deciding, store, forge, tmp_path), pushed)

    assert len(forge.asked) == 3
    expected = {"github": "Bearer", "gitlab": "Bearer", "gitea": "token"}[forge.kind]
    assert forge.authorizations == {f"{expected} t0ken-of-the-api"}


@pytest.mark.thorough
def test_a_project_that_the_change_does_not_touch_is_not_decided_again(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    forge.commits = {
        BASE: {"old/compose.yaml": DENIED, "README": "1"},
        HEAD: {"old/compose.yaml": DENIED, "README": "2"},
    }

    reviewed(services(deciding, store, forge, tmp_path), change())

    assert recorded(store) == []
    assert forge.statuses[0]["description"] == "The change touches no Compose project."


@pytest.mark.thorough
def test_what_a_change_fixes_grants_and_leaves_denied_is_told_apart(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    with forge_server("gitea") as forge:
        forge.heads = {7: HEAD}
        forge.commits = {
            BASE: {
                "a/compose.yaml": DENIED,
                "b/compose.yaml": DENIED,
                "d/compose.yaml": CLEAN,
            },
            HEAD: {
                "a/compose.yaml": CLEAN,
                "b/compose.yaml": DENIED + "    hostname: other\n",
                "c/compose.yaml": GRANTED,
            },
        }
        reviewed(services(deciding, store, forge, tmp_path), change())

    (comment,) = forge.comments.values()
    heads = [line for line in comment.splitlines() if line.startswith(("###", "**"))]
    assert heads == [
        "### Still denied, as before this change",
        "**b/compose.yaml**",
        "### Fixed by this change",
        "**a/compose.yaml**",
        "### Allowed",
        "**c/compose.yaml**",
        "### Removed",
        "**d/compose.yaml**",
    ]
    assert r"| as before | no\-privileged |" in comment
    assert r'New accelerator grants: train\: nvidia \["1"\] \(reservation\)' in comment


def test_a_push_to_a_protected_branch_grants_and_releases(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    with forge_server("gitea") as forge:
        forge.commits = {
            BASE: {"README": ""},
            HEAD: {"gpu/compose.yaml": GRANTED},
            NEWER: {"README": ""},
        }
        served = services(
            deciding, store, forge, tmp_path, create_on=("refs/heads/main",), environment="prod"
        )
        pushed = change(kind="push", number=0, ref="refs/heads/main")
        reviewed(served, pushed)
        held = store.grants(10)
        reviewed(served, msgspec.structs.replace(pushed, delivery="d2", commit=NEWER, base=HEAD))

    assert [(one.service, one.state) for one in held] == [("train", "active")]
    assert [(one.service, one.state) for one in store.grants(10, active=False)] == [
        ("train", "released")
    ]


@pytest.mark.thorough
def test_a_commit_that_is_gone_is_an_error_that_is_told(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    del forge.commits[HEAD]

    reviewed(services(deciding, store, forge, tmp_path), change())

    (push,) = Pushes(store).records(states=("failed",))
    assert (push.attempts, push.digest) == (1, HEAD)
    assert forge.statuses[0]["state"] in ("error", "failed")
    assert forge.statuses[0]["description"].startswith("Not reviewed, so not allowed: ")


@pytest.mark.thorough
def test_a_repository_that_was_renamed_is_reviewed_and_told(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    def moved(code: int, path: str) -> tuple[int, dict[str, str]]:
        return code, {"Location": path}

    forge.failing_after = {
        1: moved(301, f"/repositories/3/tarball/{BASE}"),
        3: moved(302, f"/repositories/3/tarball/{HEAD}"),
        5: moved(307, f"/repositories/3/statuses/{HEAD}"),
    }

    reviewed(services(deciding, store, forge, tmp_path), change(kind="push", number=0))

    (push,) = Pushes(store).records(states=("done",))
    assert push.attempts == 1
    (status,) = forge.statuses
    assert (status["sha"], status["description"]) == (HEAD, "Denied: compose.yaml (no-privileged)")


@pytest.mark.thorough
def test_an_archived_repository_that_takes_no_status_is_listed_as_failed(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    forge.failing_after = {3: (403, {}), 4: (403, {})}

    reviewed(services(deciding, store, forge, tmp_path), change(kind="push", number=0))

    (push,) = Pushes(store).records(states=("failed",))
    assert push.attempts == 1
    assert push.error.endswith(": the token does not permit it, or the repository is archived")


@pytest.mark.thorough
def test_a_redirect_that_cannot_be_followed_ends_in_a_state_that_is_told(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    forge.failing_after = {3: (301, {"Location": "/repositories/3/statuses/x"})}

    reviewed(services(deciding, store, forge, tmp_path), change(kind="push", number=0))

    (push,) = Pushes(store).records(states=("failed",))
    assert push.attempts == 1
    assert "The repository may have been renamed or moved" in push.error
    assert forge.statuses[0]["state"] in ("error", "failed")


@pytest.mark.thorough
def test_a_base_that_is_gone_makes_every_project_count_as_touched(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    del forge.commits[BASE]

    reviewed(services(deciding, store, forge, tmp_path), change())

    assert [one.result.allowed for one in recorded(store)] == [False]


@pytest.mark.thorough
def test_a_branch_that_is_new_is_compared_with_the_default_branch(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    forge.commits["main"] = {"old/compose.yaml": DENIED}
    forge.commits[HEAD] = {"old/compose.yaml": DENIED, "new/compose.yaml": CLEAN}
    pushed = change(kind="push", number=0, base="", base_branch="main")

    reviewed(services(deciding, store, forge, tmp_path), pushed)

    assert [one.result.project for one in recorded(store)] == ["new"]


@pytest.mark.thorough
def test_a_rate_limit_is_waited_for(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    forge.failing = [(429, {"Retry-After": "0"}), (503, {})]

    reviewed(services(deciding, store, forge, tmp_path), change(kind="push", number=0))

    assert len(recorded(store)) == 1
    assert len(forge.asked) == 5


@pytest.mark.thorough
def test_a_github_app_tells_the_verdict_in_a_check_run(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    services_of = "".join(
        f"  s{number}:\n    image: nginx:1.27\n    privileged: true\n" for number in range(60)
    )
    with forge_server("github") as forge:
        forge.commits = {
            BASE: {"compose.yaml": CLEAN},
            HEAD: {"compose.yaml": f"services:\n{services_of}"},
        }
        served = app_services(deciding, store, forge, tmp_path)
        reviewed(served, change(kind="push", number=0, installation=5))
        asked = ExceptionRequest("d2", "ml/train", 3, HEAD, 1, "ada", 5)
        reviewed(served, asked)

    (run,) = forge.check_runs.values()
    first, *later, answered = run
    assert (first["status"], first["conclusion"], first["head_sha"]) == (
        "completed",
        "failure",
        HEAD,
    )
    assert len(first["output"]["annotations"]) == 50
    assert [len(one["output"]["annotations"]) for one in later] == [10]
    assert first["output"]["annotations"][0]["path"] == "compose.yaml"
    assert [one["identifier"] for one in first["actions"]] == ["request-exception"]
    assert "Bearer of-the-installation" in forge.authorizations
    assert answered["output"]["title"] == "Request an exception"
    assert "kind: Exception" in answered["output"]["summary"]


def app_services(deciding: Services, store: Store, server: ForgeServer, tmp_path: Path) -> Services:
    """The services of a forge that is a GitHub App."""
    app = ForgeSettings(
        kind="github",
        url=f"http://{server.host}",
        insecure=True,
        secret_file=str(tmp_path / "secret"),
        app_id="Iv1.abc",
        app_key_file=rsa_key(tmp_path),
        repositories=("ml/**",),
    )
    return Services(Settings(forges={"main": app}), deciding.rules, store, lambda: NOW)


def rsa_key(tmp_path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "app.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return str(path)


@pytest.mark.thorough
def test_a_pull_request_whose_delivery_was_lost_is_found_and_reviewed_once(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    served = services(deciding, store, forge, tmp_path)
    forge.heads[8], forge.bases[8] = NEWER, BASE
    forge.commits[NEWER] = {"compose.yaml": CLEAN + "    read_only: true\n"}
    reviewed(served, change())

    for period in (1, 2):
        reviewed(served, Reconciliation(period), Reconciliation(period))

    assert [one.input.review.source.commit for one in recorded(store)] == [HEAD, NEWER]
    assert [one["sha"] for one in forge.statuses] == [HEAD, NEWER]
    assert len([one for one in forge.asked if "state=open" in one[1]]) == 2


def test_a_pull_request_whose_commit_was_only_pushed_is_found(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    Pushes(store).add("forge/main", "", [push_of(change(kind="push", number=0))], NOW)
    with forge_server("gitea") as forge:
        filled(forge)
        settings = services(deciding, store, forge, tmp_path).settings.forges["main"]
        transport = Transport(settings, token_source(settings, "forges.main"))
        reconciler = Reconciler(settings, "forge/main", Pushes(store), transport)
        found = reconciler.lost()
        Pushes(store).add("forge/main", "", [push_of(one) for one in found], NOW)

        assert [(one.commit, one.number, one.kind) for one in found] == [(HEAD, 7, "pull-request")]
        assert reconciler.lost() == []


@pytest.mark.thorough
def test_metrics_say_how_many_changes_wait_and_for_how_long(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    del forge.commits[HEAD]
    served = services(deciding, store, forge, tmp_path)
    reviewed(served, change())
    client = create_app(replace(served, clock=lambda: NOW + 90 * 10**9)).test_client()

    text = client.get("/metrics").text

    labels = '{source="forge/main",state="failed"}'
    assert f"policyd_pushes{labels} 1.0" in text
    assert f"policyd_push_oldest_seconds{labels} 90.0" in text


@pytest.mark.thorough
def test_a_token_that_ends_in_the_middle_is_replaced(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    pushed = change(kind="push", number=0, installation=5)
    with forge_server("github") as forge:
        forge.commits = {BASE: {"compose.yaml": CLEAN}, HEAD: {"compose.yaml": DENIED}}
        forge.failing_after = {2: (401, {})}
        reviewed(app_services(deciding, store, forge, tmp_path), pushed)

    tokens = [path for method, path in forge.asked if path.endswith("/access_tokens")]
    assert len(tokens) == 2
    assert len(recorded(store)) == len(forge.check_runs) == 1


@pytest.mark.thorough
def test_a_secret_and_a_token_that_are_replaced_count_at_once(
    deciding: Services, store: Store, forge: ForgeServer, tmp_path: Path
) -> None:
    served = services(deciding, store, forge, tmp_path)
    (tmp_path / "token").write_text("another-t0ken")

    reviewed(served, change(kind="push", number=0))

    assert {one.partition(" ")[2] for one in forge.authorizations} == {"another-t0ken"}


def test_githubs_failed_deliveries_are_requested_again_once(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    Pushes(store).add("forge/main", "", [push_of(change(delivery="arrived"))], NOW)
    with forge_server("github") as forge:
        forge.deliveries = [
            [
                {"id": 1, "guid": "a", "status_code": 502},
                {"id": 2, "guid": "b", "status_code": 202},
                {"id": 3, "guid": "c", "status_code": 500, "redelivery": True},
                {"id": 4, "guid": "c", "status_code": 500},
            ],
            [
                {"id": 5, "guid": "arrived", "status_code": 500},
                {"id": 6, "guid": "d", "status_code": 0},
            ],
        ]
        served = app_services(deciding, store, forge, tmp_path)
        settings = served.settings.forges["main"]
        transport = Transport(settings, token_source(settings, "forges.main"))
        reconciler = Reconciler(settings, "forge/main", Pushes(store), transport)

        assert (reconciler.lost(), reconciler.lost()) == ([], [])

    list_of = "/app/hook/deliveries?per_page=100"
    pages = [("GET", f"{list_of}&status=failure"), ("GET", f"{list_of}&cursor=1")]
    requested = [("POST", f"/app/hook/deliveries/{number}/attempts") for number in (1, 6)]
    assert forge.asked == [pages[0], requested[0], pages[1], requested[1], *pages]


def test_a_signed_delivery_is_stored_and_a_forged_one_is_not(
    deciding: Services, store: Store, tmp_path: Path
) -> None:
    payload = json.dumps(
        {
            "ref": "refs/heads/main",
            "before": BASE,
            "after": HEAD,
            "repository": {"id": 3, "full_name": "ml/train"},
            "sender": {"login": "ada"},
        }
    ).encode()
    right = hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "d1",
        "Content-Type": "application/json",
    }
    with forge_server("github") as forge:
        forge.commits = {BASE: {"compose.yaml": CLEAN}, HEAD: {"compose.yaml": CLEAN}}
        app = create_app(services(deciding, store, forge, tmp_path))
        client = app.test_client()

        def post(path: str, signature: str) -> int:
            signed = headers | {"X-Hub-Signature-256": signature}
            return client.post(path, data=payload, headers=signed).status_code

        assert post("/hooks/github/main", f"sha256={'0' * 64}") == 401
        assert post("/hooks/github/main", "sha256=") == 401
        assert post("/hooks/github/main", "") == 401
        assert post("/hooks/github/other", f"sha256={right}") == 404
        assert post("/hooks/gitea/main", f"sha256={right}") == 404
        assert Pushes(store).records(states=("waiting", "running", "done")) == []
        assert post("/hooks/github/main", f"sha256={right}") == 202
        assert post("/hooks/github/main", f"sha256={right}") == 202
        wait_until(lambda: Pushes(store).records(states=("done",)))
        app.extensions[FORGE_REVIEWS].close()

    (push,) = Pushes(store).records(states=("done",))
    assert (push.registry, push.event_id, push.digest) == ("forge/main", "d1", HEAD)


@cases("actor, repository", [("boss", "ml/train"), ("ada", "other/train")])
def test_what_policyd_itself_caused_and_other_repositories_are_not_reviewed(
    deciding: Services,
    store: Store,
    github: ForgeServer,
    tmp_path: Path,
    actor: str,
    repository: str,
) -> None:
    app = create_app(services(deciding, store, github, tmp_path, user="boss"))
    payload = json.dumps(
        {
            "ref": "refs/heads/main",
            "before": BASE,
            "after": HEAD,
            "repository": {"id": 3, "full_name": repository},
            "sender": {"login": actor},
        }
    ).encode()
    signature = hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "d1",
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={signature}",
    }

    answer = app.test_client().post("/hooks/github/main", data=payload, headers=headers)
    app.extensions[FORGE_REVIEWS].close()

    assert (answer.status_code, answer.json["accepted"]) == (202, 0)
    assert Pushes(store).records(states=("waiting", "running", "done", "failed")) == []
