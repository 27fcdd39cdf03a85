"""The whole webhook, called in process: real loader, engine, policies and log."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from policyd.audit.store import open_store
from policyd.bootstrap import build
from policyd.config import Settings, Token
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"


@pytest.fixture
def audit_path(tmp_path: Path, empty_log: Path) -> str:
    return str(shutil.copy(empty_log, tmp_path / "audit.db"))


@pytest.fixture(scope="session")
def judging() -> Iterator[Services]:
    """Services that judge and record nothing: an engine is worth sharing."""
    built = build(Settings())
    yield built
    built.close()


@pytest.fixture
def services(judging: Services, audit_path: str) -> Iterator[Services]:
    """The services of a webhook without tokens."""
    store = open_store(audit_path)
    settings = Settings(audit=audit_path)
    yield Services(settings, judging.rules, store)
    store.close()


@pytest.fixture
def make(services: Services) -> Iterator[Callable[..., FlaskClient]]:
    """A function that makes a client of a webhook with these settings."""
    apps = []

    def client(**changes: Any) -> FlaskClient:
        settings = Settings(audit=services.settings.audit, **changes)
        app = create_app(Services(settings, services.rules, services.store))
        apps.append(app)
        return app.test_client()

    yield client
    for app in apps:
        app.extensions[PUSH_REVIEWS].close()


@pytest.fixture
def client(make: Callable[..., FlaskClient]) -> FlaskClient:
    """A webhook without tokens, for this machine only."""
    return make()


@pytest.fixture
def post(client: FlaskClient) -> Callable[..., TestResponse]:
    """A function that asks about YAML, with a query."""

    def ask(text: str | bytes = CLEAN, query: str = "", **arguments: Any) -> TestResponse:
        return client.post(
            f"/v1/review{query}", data=text, content_type="application/yaml", **arguments
        )

    return ask


@pytest.fixture
def envelope() -> Callable[..., dict[str, Any]]:
    """A function that makes the JSON of a ComposeReview, with the uids u-1, u-2 …"""
    numbers = itertools.count(1)

    def make(files: dict[str, str] | None = None, **request: Any) -> dict[str, Any]:
        project = {"files": {"compose.yaml": CLEAN} if files is None else files}
        project |= request.pop("project", {})
        return {
            "apiVersion": "policyd/v1",
            "kind": "ComposeReview",
            "request": {"uid": f"u-{next(numbers)}", "project": project, **request},
        }

    return make


@pytest.fixture
def token() -> Callable[..., Token]:
    """A function that makes the token whose bearer says `value`."""

    def make(value: str = "ci-token", **fields: Any) -> Token:
        fields = {"owner": "ci-bot", "repositories": ("acme/**",), **fields}
        return Token(sha256=hashlib.sha256(value.encode()).hexdigest(), **fields)

    return make
