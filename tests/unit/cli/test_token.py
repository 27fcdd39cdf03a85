from __future__ import annotations

import json
import os
import pwd
import time

import pytest

from policyd.audit.store import open_store
from policyd.audit.token_record import Permissions
from policyd.audit.tokens import Tokens
from tests.unit.cli.conftest import Run

CREATE = ("token", "create", "--audit", "log.db")


def listed(run: Run) -> dict[str, dict[str, object]]:
    shown = run("token", "list", "--audit", "log.db", "--format", "json")
    return {item["name"]: item for item in json.loads(shown.stdout)["items"]}


def test_a_token_is_printed_once_and_accepted_until_it_is_revoked(run: Run) -> None:
    made = run(
        *CREATE, "ci", "--owner", "ci@acme", "--repository", "acme/**", "--host", "gpu-0*",
        "--scope", "review", "--scope", "audit:read", "--expires-in", "30",
        "--failure-policy", "Ignore",
    )  # fmt: skip

    token = made.stdout.strip()
    assert (made.exit_code, made.stdout) == (0, f"{token}\n")
    store = open_store("log.db")
    found = Tokens(store).find(token, time.time_ns())
    assert found == Permissions(
        owner="ci@acme",
        scopes=("review", "audit:read"),
        repositories=("acme/**",),
        hosts=("gpu-0*",),
        enforcement_point="ci",
        failure_policy="Ignore",
    )
    item = listed(run)["ci"]
    assert item["createdBy"] == pwd.getpwuid(os.getuid()).pw_name
    assert str(item["expires"]) > str(item["created"])
    assert token not in json.dumps(item)

    revoked = run("token", "revoke", "ci", "--audit", "log.db")
    assert revoked.stdout == "The token ci of ci@acme is revoked.\n"
    assert Tokens(store).find(token, time.time_ns()) is None
    store.close()


def test_a_token_for_metrics_needs_no_repository(run: Run) -> None:
    assert run(*CREATE, "scraper", "--owner", "x", "--scope", "metrics").exit_code == 0
    assert listed(run)["scraper"]["permissions"]["scopes"] == ["metrics"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ci", "--owner", "x"), "--repository is missing; write '**' for all repositories"),
        (
            ("ci", "--owner", "x", "--repository", ""),
            "--repository, --environment and --host cannot be empty; '**' means all\n",
        ),
        (("a b", "--owner", "x"), "the name of a token has up to 64 letters, digits, "),
    ],
)
def test_a_token_that_cannot_be_made_is_one_sentence(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    result = run(*CREATE, *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"policyd: error: {message}")


def test_an_unknown_token_cannot_be_revoked(run: Run) -> None:
    result = run("token", "revoke", "ci", "--audit", "log.db")

    assert (result.exit_code, result.stderr) == (
        2,
        "policyd: error: there is no token ci that can be revoked\n",
    )
