from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from policyd.audit.jobs import Jobs
from policyd.audit.store import open_store
from tests.support.ledger import job
from tests.unit.cli.conftest import Run


@pytest.fixture
def log(folder: Path, empty_log: Path) -> str:
    """A log that knows one repository."""
    store = open_store(str(shutil.copy(empty_log, folder / "log.db")))
    Jobs(store.database).accept(job(), "a", 900, may_grant=False)
    store.close()
    return "log.db"


def test_known_repositories_are_listed(run: Run, log: str) -> None:
    shown = run("issuers", "list", "--audit", log)
    document = json.loads(run("issuers", "list", "--audit", log, "--format", "json").stdout)

    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["ISSUER", "REPOSITORY", "ID", "OWNER", "ID"],
        ["forge", "acme/train", "42", "7"],
    ]
    assert (document["kind"], document["items"]) == (
        "JobRepositoryList",
        [{"issuer": "forge", "repository": "acme/train", "repositoryId": "42", "ownerId": "7"}],
    )


def test_a_forgotten_repository_is_not_listed(run: Run, log: str) -> None:
    result = run("issuers", "forget", "--audit", log, "forge", "acme/train")

    assert (result.exit_code, result.stdout) == (
        0,
        "The next token of forge for acme/train states the id anew.\n",
    )
    listed = run("issuers", "list", "--audit", log).stdout
    assert listed.startswith("No job of an issuer was accepted in ")
    assert listed.endswith("log.db.\n")
    again = run("issuers", "forget", "--audit", log, "forge", "acme/train")
    assert again.exit_code == 2
    assert again.stderr.endswith(
        "log.db has no repository 'acme/train' of the issuer 'forge'; "
        "`policyd issuers list` shows all\n"
    )
