"""`policyd hooks add|test`, against a loopback forge."""

from __future__ import annotations

import json
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policyd.settings_reader import load_settings
from tests.support.forge import ForgeServer, forge_server
from tests.unit.cli.conftest import Run


@pytest.fixture
def forge() -> Iterator[ForgeServer]:
    with forge_server("gitea") as server:
        yield server


@pytest.fixture(autouse=True)
def _token(folder: Path) -> None:
    token = folder / "token"
    token.write_text("t0ken-of-the-api")
    token.chmod(0o600)


def add(run: Run, forge: ForgeServer, *more: str) -> Any:
    return run(
        *("hooks", "add", "gitea", "main", "--service", "https://policyd.example/"),
        *("--url", f"http://{forge.host}", "--insecure", "--token-file", "token", *more),
    )


def test_what_is_printed_is_a_valid_table_and_the_values_of_the_form(
    run: Run, forge: ForgeServer, folder: Path
) -> None:
    done = add(run, forge, "--repository", "ml/train", "--repository", "ops/**")

    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["the token belongs to boss: ok", "the repository ml/train: ok"]
    table = done.stdout[
        done.stdout.index("[forges.main]") : done.stdout.index("\nThen make a webhook")
    ]
    (folder / "policyd.toml").write_text(table)
    read = load_settings(str(folder / "policyd.toml"), {}, {}).forges["main"]
    assert (read.kind, read.repositories) == ("gitea", ("ml/train", "ops/**"))
    assert "  URL           https://policyd.example/hooks/gitea/main" in lines
    secret = folder / "main.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_text().strip()) == 64
    assert secret.read_text().strip() not in done.stdout


def test_a_secret_that_exists_is_kept(run: Run, forge: ForgeServer, folder: Path) -> None:
    (folder / "main.secret").write_text("kept")

    done = add(run, forge, "--repository", "**")

    assert "which existed" in done.stdout
    assert (folder / "main.secret").read_text() == "kept"


def test_a_secret_that_cannot_be_written_is_not_kept(
    run: Run, forge: ForgeServer, folder: Path
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        done = add(run, forge, "--repository", "**")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert done.exit_code == 2
    assert done.stderr.endswith("/main.secret: cannot write the secret: File too large\n")
    assert not (folder / "main.secret").exists()


def test_a_token_that_is_not_accepted_ends_before_anything_is_written(
    run: Run, forge: ForgeServer, folder: Path
) -> None:
    forge.failing = [(401, {})]

    done = add(run, forge, "--repository", "**")

    assert done.exit_code == 1
    assert done.stdout == (
        f"credentials: failed: {forge.host} answered 401 to GET /user: it does not accept the "
        "token\n"
    )
    assert not (folder / "main.secret").exists()


def test_a_repository_that_the_token_does_not_reach_is_named(
    run: Run, forge: ForgeServer, folder: Path
) -> None:
    done = add(run, forge, "--repository", "ml/hidden")

    assert done.exit_code == 1
    assert "the repository ml/hidden: failed: it does not exist" in done.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "--repository is missing; write '**' for all repositories"),
        (("--manifest",), "--manifest is for the kind github"),
        (
            ("--service", "policyd.example"),
            "--service: 'policyd.example' is not a URL; write https://HOST[:PORT]",
        ),
        (
            ("--repository", "x", "--url", ""),
            "--url is missing: the base URL of the forge's API",
        ),
        (("--repository", "x", "--app-id", "1"), "only forges of the kind github have apps"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(
    run: Run, forge: ForgeServer, folder: Path, more: tuple[str, ...], message: str
) -> None:
    done = add(run, forge, *more)

    assert done.exit_code == 2
    assert message in done.stderr


def test_the_manifest_of_an_app_has_the_least_permissions(run: Run) -> None:
    service = "https://policyd.example"
    done = run("hooks", "add", "github", "main", "--service", service, "--manifest")

    manifest = json.loads(done.stdout)
    assert manifest["default_permissions"] == {
        "checks": "write",
        "contents": "read",
        "metadata": "read",
        "pull_requests": "read",
        "statuses": "write",
    }
    assert manifest["hook_attributes"]["url"] == f"{service}/hooks/github/main"


def test_a_configured_forge_is_tested(run: Run, forge: ForgeServer, folder: Path) -> None:
    (folder / "policyd.toml").write_text(
        f'[forges.main]\nkind = "gitea"\nurl = "http://{forge.host}"\ninsecure = true\n'
        'secret_file = "secret"\ntoken_file = "token"\nrepositories = ["ml/train"]\n'
    )

    assert run("hooks", "test", "--config", "policyd.toml", "main").exit_code == 0
    unknown = run("hooks", "test", "--config", "policyd.toml", "other")
    assert unknown.exit_code == 2
    assert "no forge named 'other' is configured; there are: main" in unknown.stderr
