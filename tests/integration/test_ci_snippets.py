"""The CI snippets, run as a CI job runs them: a git checkout, bash, curl and a webhook."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from werkzeug.serving import make_server

from policyd.bootstrap import build
from policyd.config import Settings, Token
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on the PATH"),
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on the PATH"),
]

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-test"
VARIABLES = {
    "GITHUB_REPOSITORY": "acme/train",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": "0123abc",
    "CI_PROJECT_PATH": "acme/train",
    "CI_COMMIT_REF_NAME": "main",
    "CI_COMMIT_SHA": "0123abc",
}


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
def url(tmp_path: Path) -> Iterator[str]:
    """Give the address of a webhook that knows TOKEN, for acme's repositories."""
    token = Token(
        owner="ci", sha256=hashlib.sha256(TOKEN.encode()).hexdigest(), repositories=("acme/**",)
    )
    services = build(Settings(audit=str(tmp_path / "audit.db"), tokens={"ci": token}))
    app = create_app(services)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions[PUSH_REVIEWS].close()
    services.close()


def checkout(folder: Path, example: str) -> None:
    shutil.copytree(ROOT / "deploy/examples" / example, folder)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
@pytest.mark.parametrize(
    ("example", "code"),
    [("device-reservation/allowed", 0), ("device-reservation/denied", 22), ("clean", 0)],
)
def test_a_job_passes_or_fails_with_the_verdict_and_shows_the_reason(
    tmp_path: Path, url: str, name: str, example: str, code: int
) -> None:
    checkout(tmp_path / "repository", example)

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line(name)],
        cwd=tmp_path / "repository",
        env={**os.environ, **VARIABLES, "POLICYD_URL": url, "POLICYD_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code, done.stderr
    assert ('"allowed":true' in done.stdout) == (code == 0)
    assert ("no-all-gpus (compose.yaml:21:22)" in done.stdout) == (code == 22)


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_a_job_without_the_right_token_fails(tmp_path: Path, url: str, name: str) -> None:
    checkout(tmp_path / "repository", "clean")

    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line(name)],
        cwd=tmp_path / "repository",
        env={**os.environ, **VARIABLES, "POLICYD_URL": url, "POLICYD_TOKEN": "wrong"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 22
    assert "unknown token" in done.stdout
