"""Traces of reviews, as a collector receives them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from policyd import tracing
from policyd.bootstrap import build
from policyd.config import Settings
from policyd.serving import trace_export
from policyd.serving.trace_export import configured_tracer, is_asked_for
from policyd.web.app import create_app

pytest.importorskip("opentelemetry.sdk")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

MARKER = "hunter2-secret"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PARTS = ["load", "workloads", "evaluate", "record", "POST /v1/review"]


class Collector(BaseHTTPRequestHandler):
    """Takes everything, as a collector does."""

    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    """What a collector received, which the environment names."""
    server: Any = HTTPServer(("127.0.0.1", 0), Collector)
    server.received = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv(trace_export.ENDPOINTS[0], f"http://127.0.0.1:{server.server_port}")
    yield server.received
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, empty_log: Path) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("traced")
    services = build(Settings(audit=str(shutil.copy(empty_log, folder / "audit.db"))))
    yield create_app(services).test_client()
    services.close()


def spans(received: list[tuple[str, bytes]]) -> tuple[dict[str, Any], list[Any]]:
    """Return the attributes of the service and all spans in `received`."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    resource: dict[str, Any] = {}
    for path, body in received:
        assert path == "/v1/traces"
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource |= {one.key: one.value.string_value for one in part.resource.attributes}
            found += [span for scope in part.scope_spans for span in scope.spans]
    return resource, found


@pytest.fixture
def traced(
    collector: list[tuple[str, bytes]], client: FlaskClient
) -> Callable[..., tuple[dict[str, Any], list[Any]]]:
    """A function that asks for a review and returns what the collector received."""

    def ask(text: str, **headers: str) -> tuple[dict[str, Any], list[Any]]:
        from os import environ

        tracer = configured_tracer(environ)
        assert tracer is not None
        with tracing.using(tracer):
            client.post(
                "/v1/review?env=SECRET=" + MARKER,
                data=text,
                content_type="application/yaml",
                headers=headers,
            )
        tracer.close()
        return spans(collector)

    return ask


@pytest.mark.thorough
def test_the_spans_of_a_review_belong_to_the_trace_of_its_caller(
    traced: Callable[..., tuple[dict[str, Any], list[Any]]],
) -> None:
    resource, found = traced("services: {web: {image: nginx}}", traceparent=PARENT)

    assert resource["service.name"] == "policyd"
    assert [one.name for one in found] == PARTS
    assert {one.trace_id.hex() for one in found} == {PARENT.split("-")[1]}
    top = found[-1]
    assert top.parent_span_id.hex() == PARENT.split("-")[2]
    assert {one.parent_span_id for one in found[:-1]} == {top.span_id}
    attributes = {one.key: one.value for one in top.attributes}
    assert attributes["policyd.allowed"].bool_value is True
    assert attributes["policyd.operation"].string_value == "CREATE"


@pytest.mark.parametrize(
    "text",
    [
        "services: {web: {image: nginx, environment: {A: $SECRET}, privileged: true}}",
        "services: {web: {image: nginx, mem_limit: $SECRET}}",
        "services: {web: {image: '${SECRET:?hunter2-secret}', labels: hunter2-secret",
        "name: demo",
    ],
)
def test_no_value_of_a_project_is_exported(
    traced: Callable[..., tuple[dict[str, Any], list[Any]]],
    collector: list[tuple[str, bytes]],
    text: str,
) -> None:
    _, found = traced(text)

    assert found[-1].name == "POST /v1/review"
    assert not any(MARKER.encode() in body for _, body in collector)


def test_an_error_is_exported_as_its_kind_only(
    traced: Callable[..., tuple[dict[str, Any], list[Any]]], collector: list[tuple[str, bytes]]
) -> None:
    _, found = traced(f"services: {{web: {{image: '{MARKER}', extra: {MARKER}}}}}")

    (load,) = [one for one in found if one.name == "load"]
    assert {one.key: one.value.string_value for one in load.attributes}["error.type"]
    assert (load.status.code, load.status.message, list(load.events)) == (2, "", [])


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "a"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, False),
    ],
)
def test_spans_are_exported_where_the_environment_asks_for_it(
    environment: dict[str, str], asked: bool
) -> None:
    assert is_asked_for(environment) is asked


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_is_not_supported_is_logged_and_decides_nothing(environment: dict[str, str]) -> None:
    with capture_logs() as logs:
        assert configured_tracer(environment) is None
    assert [entry["event"] for entry in logs] == ["traces not exported"]
