"""`policyd review` against a webhook in this process: it prints what `policyd check` prints."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import structlog
from flask import Flask
from werkzeug.serving import make_server

from policyd.audit.event import event_of
from policyd.audit.store import Store, open_store
from policyd.bootstrap import build
from policyd.config import Settings, Token
from policyd.receipts.verification import verified
from policyd.services import Services
from policyd.web.app import create_app
from tests.support.receipts import KEY, PEM
from tests.unit.cli.conftest import Run

CLEAN = "services:\n  web:\n    image: nginx\n"
PRIVILEGED = "services:\n  web:\n    image: nginx\n    privileged: true\n"
TOKEN = Token(
    owner="ci", sha256=hashlib.sha256(b"test-token").hexdigest(), repositories=("acme/**",)
)


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


def unlogged(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


@pytest.fixture
def ask(
    run: Run, deciding: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """A function that runs `policyd review` against a webhook."""
    structlog.configure(processors=[unlogged])  # the webhook shares standard output here
    settings = Settings(audit=store.name, tokens={"ci": TOKEN})
    monkeypatch.setenv("POLICYD_TOKEN", "test-token")
    with served(create_app(Services(settings, deciding.rules, store)), monkeypatch):
        yield lambda *arguments: run("review", "--repository", "acme/train", *arguments)


@contextlib.contextmanager
def served(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve `app`, and name it in POLICYD_URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("POLICYD_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def same(run: Run, ask: Run, *arguments: str) -> int:
    """Assert that `review` prints what `check` prints, and return the exit code."""
    asked, checked = ask(*arguments), run("check", *arguments)
    assert (asked.exit_code, asked.stdout) == (checked.exit_code, checked.stdout)
    return asked.exit_code


@pytest.mark.thorough
def test_it_prints_and_ends_as_check_does(run: Run, ask: Run, folder: Path) -> None:
    (folder / "compose.yaml").write_text(CLEAN)
    assert same(run, ask) == 0
    (folder / "compose.yaml").write_text(PRIVILEGED)
    assert same(run, ask) == 1
    assert same(run, ask, "--quiet") == 1
    (folder / "compose.yaml").write_text("services:\n  web:\n    imag: nginx\n")
    assert same(run, ask) == 1


def test_a_project_below_the_root_is_sent_with_what_it_includes(
    run: Run, ask: Run, folder: Path
) -> None:
    (folder / ".git").mkdir()
    (folder / "shared").mkdir()
    (folder / "deploy").mkdir()
    (folder / "secret.txt").write_text("not sent")
    (folder / "shared" / "base.yaml").write_text(PRIVILEGED)
    (folder / "deploy" / ".env").write_text("TAG=1.27\n")
    (folder / "deploy" / "compose.yaml").write_text(
        "services:\n  api:\n    image: nginx:$TAG\n"
        "    extends: {file: ../shared/base.yaml, service: web}\n"
    )
    (folder / "deploy" / "compose.override.yaml").write_text("services: {api: {command: [a]}}\n")

    assert same(run, ask, "deploy") == 1


def test_variables_that_the_files_name_are_sent_and_no_others(
    run: Run, ask: Run, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIVILEGED", "true")
    monkeypatch.setenv("OTHER_SECRET", "hunter2")
    (folder / "compose.yaml").write_text(CLEAN + "    privileged: ${PRIVILEGED:-false}\n")

    assert same(run, ask) == 1
    (record,) = store.decisions()
    assert "hunter2" not in record.payload


def test_a_project_has_the_name_that_compose_gives_it(
    run: Run, ask: Run, folder: Path, store: Store
) -> None:
    named = folder / "named"
    named.mkdir()
    (folder / "compose.yaml").write_text(CLEAN)
    (named / "compose.yaml").write_text(f"name: shop\n{CLEAN}    env_file: secret.env\n")

    ask()
    ask("-p", "given")
    ask("named", "--missing", "unknown")

    names = [event_of(record).input.project.name for record in store.decisions()]
    assert names == ["shop", "given", json.loads(run("config").stdout)["name"]]
    assert names[2] == folder.name


def test_a_review_is_recorded_with_its_source(ask: Run, folder: Path, store: Store) -> None:
    (folder / "compose.yaml").write_text(CLEAN)

    result = ask(
        "--operation", "CREATE", "--dry-run", "--host", "gpu-01", "--commit", "c0ffee",
        "--uid", "u-7", "--format", "json",
    )  # fmt: skip

    review = event_of(store.decisions()[0]).input.review
    assert (review.uid, review.operation, review.dry_run) == ("u-7", "CREATE", True)
    assert (review.source.repository, review.source.host) == ("acme/train", "gpu-01")
    assert review.user_info.username == "ci"
    (decision,) = json.loads(result.stdout)["decisions"]
    assert (decision["uid"], decision["source"], decision["allowed"]) == ("u-7", ".", True)


def test_what_is_not_in_git_may_be_unknown(ask: Run, folder: Path) -> None:
    (folder / "compose.yaml").write_text(
        CLEAN + "    env_file: [secrets.env]\n    user: ${UID_OF_WEB:?say who}\n"
    )

    assert ask().exit_code == 1
    result = ask("--missing", "unknown", "--format", "json")
    (decision,) = json.loads(result.stdout)["decisions"]
    assert {(one["kind"], one["what"]) for one in decision["notEvaluated"]} == {
        ("env-file", "secrets.env"),
        ("variable", "${UID_OF_WEB}"),
    }


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--url", "http://policyd.example"), "policyd.example: http:// would send the token"),
        (("-f", "-"), "a Compose file on standard input cannot be sent; name a file"),
        (("--project-directory", "."), "--project-directory cannot be sent; name a folder as PATH"),
        (("nowhere",), "nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_exit_2(
    ask: Run, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "compose.yaml").write_text(CLEAN)

    result = ask(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"policyd: error: {message}")
    assert result.stderr.count("\n") == 1


def test_without_an_address_or_with_a_wrong_token_nothing_is_decided(
    ask: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "compose.yaml").write_text(CLEAN)
    monkeypatch.setenv("POLICYD_TOKEN", "wrong")
    refused = ask()
    monkeypatch.delenv("POLICYD_URL")
    lost = ask()

    assert refused.exit_code == lost.exit_code == 2
    assert refused.stderr.endswith(" answered with status 401: unknown token\n")
    assert lost.stderr == (
        "policyd: error: the address of the webhook is missing: set POLICYD_URL or use --url\n"
    )


def test_a_file_that_is_not_text_is_not_sent(ask: Run, folder: Path, store: Store) -> None:
    (folder / "compose.yaml").write_text(CLEAN + "    env_file: [a.env]\n")
    (folder / "a.env").write_bytes(b"A=\xff\n")

    result = ask()

    assert result.exit_code == 2
    assert result.stderr == "policyd: error: a.env: the file is not UTF-8 and cannot be sent\n"
    assert store.decisions() == []


def test_the_receipt_of_the_decision_is_written_to_a_file(
    ask: Run, folder: Path, store: Store, deciding: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "compose.yaml").write_text(CLEAN)

    without = ask("--receipt", "r")

    assert without.exit_code == 2
    assert without.stderr.endswith(
        " did not send a receipt: only a service with the setting receipt_key_file signs them, and "
        "there is none for a DELETE and for a failure that was ignored\n"
    )
    (folder / "key.pem").write_text(PEM)
    (folder / "key.pem").chmod(0o600)
    settings = Settings(
        audit=store.name,
        tokens={"ci": TOKEN},
        receipt_key_file=str(folder / "key.pem"),
        audit_origin="log",
    )
    with served(create_app(Services(settings, deciding.rules, store)), monkeypatch):
        written = ask("--receipt", "r")
        unwritable = ask("--receipt", "missing/r")
    assert written.exit_code == 0
    found = verified((folder / "r").read_bytes(), [KEY.public], now=time.time_ns())
    assert found.admission.source.repository == "acme/train"
    assert unwritable.exit_code == 2
    assert unwritable.stderr == (
        "policyd: error: --receipt: cannot write missing/r: No such file or directory\n"
    )


def test_a_webhook_that_is_away_is_ignored_where_the_caller_asks_for_it(
    ask: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    away = ("--url", "http://127.0.0.1:1", "--timeout", "1")
    message = "127.0.0.1:1 cannot be reached"

    failed = ask(*away)
    monkeypatch.setenv("POLICYD_FAILURE_POLICY", "Ignore")
    ignored = ask(*away, "--quiet")
    document = ask(*away, "--format", "json")

    assert (failed.exit_code, failed.stdout) == (2, "")
    assert failed.stderr == f"policyd: error: {message}\n"
    warning = f"no policy was evaluated, and nothing is recorded: {message}"
    assert (ignored.exit_code, ignored.stdout) == (0, f"ALLOWED  .\nNOT EVALUATED  {warning}\n")
    (decision,) = json.loads(document.stdout)["decisions"]
    assert (decision["allowed"], decision["warnings"]) == (True, [warning])
    assert document.stderr == f"policyd: warning: {warning}\n"


def test_a_webhook_that_is_asked_again_is_named_meanwhile(
    ask: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "compose.yaml").write_text(CLEAN)
    monkeypatch.setattr("policyd.review_client.PAUSES", (0.01, 999.0))

    result = ask("--url", "http://127.0.0.1:1", "--timeout", "20")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "policyd: note: 127.0.0.1:1 cannot be reached; asking again for up to 20 seconds\n"
        "policyd: error: 127.0.0.1:1 cannot be reached\n"
    )


def test_a_refused_token_is_never_ignored(
    ask: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "compose.yaml").write_text(CLEAN)
    monkeypatch.setenv("POLICYD_TOKEN", "wrong")

    result = ask("--failure-policy", "Ignore")

    assert (result.exit_code, result.stdout) == (2, "")
