"""A browser of the console, which keeps its cookie and sends the CSRF token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from policyd.admission import Admission
from policyd.model import AuditRecord
from policyd.services import FixedRules, Services
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS
from tests.support.console_pages import inventory
from tests.support.held import nanoseconds
from tests.unit.audit.conftest import pair

HOSTILE = "<script>alert(1)</script>\"onx='=1+1"
"""A name that must stay text wherever a page shows it."""


class Browser:
    """Sends forms as a browser does: with the CSRF token of the page, over HTTPS."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, path: str, **arguments: Any) -> TestResponse:
        return self._client.get(path, base_url="https://localhost", **arguments)

    def post(self, path: str, form: Mapping[str, Any], page: str = "") -> TestResponse:
        """Send `form` with the CSRF token that the page at `page`, by default `path`, has."""
        shown = self.get(page or path).text
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', shown)
        assert found, shown
        data = {"csrf": found[1], **form}
        return self._client.post(path, data=data, base_url="https://localhost")

    def sign_in(self, token: str) -> None:
        answer = self.post("/console/sign-in", {"token": token})
        assert answer.status_code == 303, answer.text


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    """A browser on this machine, of a webhook without tokens."""
    return Browser(client)


@pytest.fixture
def browser_of(make: Callable[..., FlaskClient], token: Any) -> Callable[..., Browser]:
    """A function that returns the browser of a person whose token has these fields."""

    def signed_in(**fields: Any) -> Browser:
        fields = {"scopes": ("audit:read",), "repositories": ("**",), **fields}
        browser = Browser(make(tokens={"person": token("person-token", **fields)}))
        browser.sign_in("person-token")
        return browser

    return signed_in


@pytest.fixture
def watching(services: Services, token: Any) -> Iterator[Callable[..., Browser]]:
    """A function that returns a browser of a webhook with this policy set, at this time.

    `changes` are those of the policy set in force; with `limits`, the browser's token has these.
    """
    apps = []

    def make(now: int, limits: Mapping[str, Any] | None = None, **changes: Any) -> Browser:
        admission = services.rules.admissions()[0]
        policy_set = msgspec.structs.replace(admission.policy_set, **changes)
        settings = services.settings
        if limits is not None:
            fields = {"scopes": ("audit:read",), "repositories": ("**",), **limits}
            tokens = {"person": token("person-token", **fields)}
            settings = msgspec.structs.replace(settings, tokens=tokens)
        rules = FixedRules(Admission(admission.engine, policy_set))
        app = create_app(Services(settings, rules, services.store, clock=lambda: now))
        apps.append(app)
        browser = Browser(app.test_client())
        if limits is not None:
            browser.sign_in("person-token")
        return browser

    yield make
    for app in apps:
        app.extensions[PUSH_REVIEWS].close()


@pytest.fixture
def record(services: Services) -> Callable[..., AuditRecord]:
    """A function that records a decision, made from the arguments of `pair`.

    `changes` are fields of the decision that are not arguments.
    """

    def append(
        decision_id: str = "d1",
        *grants: Any,
        changes: Mapping[str, Any] | None = None,
        **given: Any,
    ) -> AuditRecord:
        if grants:
            given["grants"] = grants
        review, decision = pair(decision_id, **given)
        decision = msgspec.structs.replace(decision, **(changes or {}))
        return services.audit.append_decision(review, decision, files=("compose.yaml",))

    return append


@pytest.fixture
def console(judging: Services, services: Services) -> Iterator[Callable[..., FlaskClient]]:
    """A function that makes a client of a webhook with an inventory, `seconds` after the log began.

    `rules` are fields of the policy set.
    """
    apps = []

    def make(
        data: Any = None, *, seconds: int = 36_000, tokens: Any = None, **rules: Any
    ) -> FlaskClient:
        first = judging.rules.admissions()[0]
        rules["data"] = data or inventory(gpu_01=2, gpu_02=1)
        policy_set = msgspec.structs.replace(first.policy_set, **rules)
        admission = Admission(first.engine, policy_set, lambda: "id")
        settings = msgspec.structs.replace(services.settings, tokens=tokens or {})
        given = Services(
            settings, FixedRules(admission), services.store, lambda: nanoseconds(seconds)
        )
        apps.append(create_app(given))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.extensions[PUSH_REVIEWS].close()
