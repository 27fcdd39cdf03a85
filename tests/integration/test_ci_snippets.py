"""The CI snippets, run as a CI job runs them: a git checkout, bash, curl, tokens and a webhook."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from werkzeug.serving import make_server

from policyd.bootstrap import build
from policyd.config import Settings
from policyd.issuer_settings import Issuer
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS
from tests.support.issuing import (
    REQUEST_PATH,
    REQUEST_TOKEN,
    StandInIssuer,
    gitlab,
    issuing,
    jwk,
    rsa_key,
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on the PATH"),
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on the PATH"),
]

ROOT = Path(__file__).parents[2]
Start = Callable[[str], dict[str, str]]


def line(name: str) -> str:
    """Return the line of the snippet `name` that asks the webhook."""
    snippet: dict[str, Any] = yaml.safe_load((ROOT / "deploy/ci" / name).read_text())
    if name == "gitlab-ci.yml":
        lines = snippet["policyd"]["script"]
    else:
        lines = [step.get("run", "") for step in snippet["jobs"]["review"]["steps"]]
    (found,) = [text for text in lines if "curl" in text]
    return str(found)


@pytest.fixture
def issuer() -> Iterator[StandInIssuer]:
    """An issuer that stands for GitHub and for GitLab."""
    with issuing() as started:
        yield started


@pytest.fixture
def start(tmp_path: Path, issuer: StandInIssuer) -> Iterator[Start]:
    """A function that starts a webhook for jobs that run the snippet of that name.

    It returns the variables of such a job. Tokens are for the address of the webhook.
    """
    with contextlib.ExitStack() as running:

        def started(name: str) -> dict[str, str]:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            url = f"http://127.0.0.1:{port}"
            settings = Issuer(
                issuer=issuer.url,
                audience=url,
                kind="gitlab" if name == "gitlab-ci.yml" else "github",
                repositories=("acme/**",),
                insecure=True,
            )
            audit = str(tmp_path / "audit.db")
            running.enter_context(webhook(port, Settings(audit=audit, issuers={"ci": settings})))
            lab = {**gitlab(issuer.url), "aud": url, "environment": "prod"}
            return {
                "POLICYD_URL": url,
                "POLICYD_TOKEN": jwt.encode(lab, rsa_key(), "RS256", headers={"kid": "first"}),
                "ACTIONS_ID_TOKEN_REQUEST_URL": issuer.url + REQUEST_PATH,
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_TOKEN,
            }

        yield started


@contextlib.contextmanager
def webhook(port: int, settings: Settings) -> Iterator[None]:
    """Run a webhook until the end of the context."""
    services = build(settings)
    app = create_app(services)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions[PUSH_REVIEWS].close()
    services.close()


def run(name: str, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Return what the snippet `name` does in `folder`, a checkout."""
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", line(name)],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def checkout(folder: Path, example: str) -> None:
    shutil.copytree(ROOT / "deploy/examples" / example, folder)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
@pytest.mark.parametrize(
    ("example", "code"),
    [("device-reservation/allowed", 0), ("device-reservation/denied", 22), ("clean", 0)],
)
def test_a_job_passes_or_fails_with_the_verdict_and_shows_the_reason(
    tmp_path: Path, start: Start, name: str, example: str, code: int
) -> None:
    checkout(tmp_path / "repository", example)

    done = run(name, tmp_path / "repository", start(name))

    assert done.returncode == code, done.stderr
    assert ('"allowed":true' in done.stdout) == (code == 0)
    assert ("no-all-gpus (compose.yaml:21:22)" in done.stdout) == (code == 22)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_a_job_whose_token_does_not_verify_fails(
    tmp_path: Path, start: Start, issuer: StandInIssuer, name: str
) -> None:
    checkout(tmp_path / "repository", "clean")
    variables = start(name)
    issuer.keys = [jwk(rsa_key("second"), "first")]

    done = run(name, tmp_path / "repository", variables)

    assert done.returncode == 22
    assert "the signature of the token is not valid" in done.stdout
