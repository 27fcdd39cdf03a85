"""The application of a worker, from one published settings to the next."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from werkzeug.test import Client

from policyd.admission import Admission
from policyd.audit.store import open_store
from policyd.bootstrap import build
from policyd.config import Settings, Token
from policyd.errors import ConfigError
from policyd.services import Services
from policyd.serving.applications import Applications
from policyd.serving.settings_reload import SettingsReloader

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"


def token(value: str) -> Token:
    digest = hashlib.sha256(value.encode()).hexdigest()
    return Token(owner="ci", sha256=digest, repositories=("**",))


class Server:
    """A worker, and its settings."""

    def __init__(self, folder: Path, audit: str, deciding: Services) -> None:
        self.settings = Settings(audit=audit, tokens={"ci": token("first")})
        self.deciding = deciding
        self.closed: list[str] = []
        self.following = SettingsReloader(
            self.settings, folder, lambda: self.settings, lambda _: None
        )
        self.applications = Applications(folder, self.services)
        self.client = Client(self.applications)

    def services(self, settings: Settings) -> Services:
        if settings.engine_url == "broken":
            raise ConfigError("engine_url: it is broken")
        return Services(settings, self.deciding.rules, open_store(settings.audit))

    def change(self, **changes: object) -> None:
        self.settings = msgspec.structs.replace(self.settings, **changes)
        assert self.following.reload()

    def status(self, value: str) -> int:
        headers = {"Authorization": f"Bearer {value}"}
        return self.client.get("/v1/policies", headers=headers).status_code


@pytest.fixture(scope="module")
def deciding() -> Iterator[Services]:
    built = build(Settings())
    yield built
    built.close()


@pytest.fixture
def server(tmp_path: Path, empty_log: Path, deciding: Services) -> Iterator[Server]:
    audit = str(shutil.copy(empty_log, tmp_path / "audit.db"))
    running = Server(tmp_path, audit, deciding)
    yield running
    running.applications.close()


def test_the_old_value_of_a_token_stops_working_with_the_next_request(server: Server) -> None:
    assert (server.status("first"), server.status("second")) == (200, 401)

    server.change(tokens={"ci": token("second")})

    assert (server.status("first"), server.status("second")) == (401, 200)


def test_settings_that_a_worker_cannot_use_leave_the_last_ones_in_force(server: Server) -> None:
    server.change(engine_url="broken", tokens={"ci": token("second")})

    assert (server.status("first"), server.status("second")) == (200, 401)
    server.change(engine_url="", tokens={"ci": token("third")})
    assert (server.status("first"), server.status("third")) == (401, 200)


def test_removed_settings_leave_the_last_ones_in_force(server: Server, tmp_path: Path) -> None:
    (tmp_path / "settings.json").unlink()

    assert server.status("first") == 200


def test_a_request_in_progress_ends_with_its_settings(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, codes = threading.Event(), threading.Event(), []
    decide = Admission.decide

    def slow(self, *arguments):
        begun.set()
        go_on.wait()
        return decide(self, *arguments)

    def review() -> None:
        answer = server.client.post(
            "/v1/review",
            data=CLEAN,
            content_type="application/yaml",
            headers={"Authorization": "Bearer first"},
        )
        codes.append(answer.status_code)

    monkeypatch.setattr(Admission, "decide", slow)
    thread = threading.Thread(target=review)
    thread.start()
    begun.wait()
    server.change(tokens={"ci": token("second")})
    assert server.status("first") == 401
    go_on.set()
    thread.join()

    assert codes == [200]
