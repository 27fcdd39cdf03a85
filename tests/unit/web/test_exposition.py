"""GET /metrics: only where metrics are collected, in the format that the client prefers."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from msgspec.structs import replace

from policyd.metrics import Metrics
from policyd.model import Decision, Review, Status
from policyd.services import Services
from policyd.web.exposition import add_routes

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def metrics(judging: Services) -> Metrics:
    return Metrics(judging.rules, lambda: 0)


@pytest.fixture
def client(judging: Services, metrics: Metrics) -> FlaskClient:
    app = Flask("metrics")
    add_routes(app, replace(judging, observer=metrics))
    return app.test_client()


@pytest.mark.parametrize(
    ("accept", "content_type", "last"),
    [
        ("", "text/plain; version=", b"\n"),
        (OPENMETRICS, "application/openmetrics-text; version=", b"# EOF\n"),
    ],
)
def test_the_metrics_are_in_the_format_that_is_accepted(
    client: FlaskClient, metrics: Metrics, accept: str, content_type: str, last: bytes
) -> None:
    metrics.decided(Review("u", "ci", 0), Decision("u", True, Status(200, "OK", "")), 0.002)

    response = client.get("/metrics", headers={"Accept": accept})

    assert response.status_code == 200
    assert (response.data, response.headers["Content-Type"]) == metrics.text(accept)
    assert response.headers["Content-Type"].startswith(content_type)
    assert response.data.endswith(last)
    counted = b'policyd_decisions_total{code="200",decision="allow",enforcement_point="ci"} 1.0\n'
    assert counted in response.data


def test_metrics_are_computed_for_each_request(client: FlaskClient, metrics: Metrics) -> None:
    before = client.get("/metrics").data
    metrics.not_recorded()

    assert b"\npolicyd_audit_failures_total 0.0\n" in before
    assert b"\npolicyd_audit_failures_total 1.0\n" in client.get("/metrics").data


def test_metrics_are_only_read(client: FlaskClient) -> None:
    assert client.post("/metrics").status_code == 405


def test_without_metrics_there_is_no_route(judging: Services) -> None:
    app = Flask("none")
    add_routes(app, judging)

    assert app.test_client().get("/metrics").status_code == 404
