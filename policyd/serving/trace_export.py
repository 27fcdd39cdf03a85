"""Export the spans of reviews with OpenTelemetry, if the environment asks for it.

In: the variables OTEL_… that OpenTelemetry specifies. Out: a tracer that sends spans to a collector
in the background (OTLP over HTTP). Needs the extra `otel`. Text of errors is not exported, because
it may quote a project. Sources: OpenTelemetry, "Environment Variable Specification"; "OTLP Exporter
Configuration"; W3C Trace Context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

import policyd

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
SERVICE_NAME: Final = "OTEL_SERVICE_NAME"
RESOURCE: Final = "OTEL_RESOURCE_ATTRIBUTES"

log = structlog.get_logger("policyd.serve")


class OpenTelemetryTracer:
    """Opens spans of OpenTelemetry."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._provider = provider
        self._tracer = provider.get_tracer("policyd", policyd.__version__)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Open a span below the current one."""
        with (
            self._tracer.start_as_current_span(
                name, record_exception=False, set_status_on_exception=False
            ) as opened,
            self._errors(opened),
        ):
            yield

    @contextmanager
    def request(self, name: str, headers: Mapping[str, str]) -> Iterator[None]:
        """Open the span of a request, below that of the caller if `headers` name one."""
        carrier = {key.lower(): value for key, value in headers.items()}
        with (
            self._tracer.start_as_current_span(
                name,
                context=self._propagator.extract(carrier),
                kind=self._trace.SpanKind.SERVER,
                record_exception=False,
                set_status_on_exception=False,
            ) as opened,
            self._errors(opened),
        ):
            yield

    def annotate(self, attributes: Mapping[str, str | bool | int]) -> None:
        """Give the current span `attributes`."""
        self._trace.get_current_span().set_attributes(dict(attributes))

    def close(self) -> None:
        """Send what waits, and stop."""
        self._provider.shutdown()

    @contextmanager
    def _errors(self, opened: Span) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(self._trace.StatusCode.ERROR)
            raise


def configured_tracer(environment: Mapping[str, str]) -> OpenTelemetryTracer | None:
    """Return the tracer that the variables in `environment` ask for, None if they ask for none.

    What is asked for and not possible is logged: a service decides without traces too.
    """
    if not is_asked_for(environment):
        return None
    exporter = environment.get(EXPORTER, "") or "otlp"
    protocol = next(filter(None, (environment.get(name, "") for name in PROTOCOLS)), PROTOCOL)
    if exporter != "otlp" or protocol != PROTOCOL:
        log.warning("traces not exported", reason=f"only otlp with {PROTOCOL} is supported")
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        log.warning("traces not exported", reason="packages are missing: policyd[otel]")
        return None
    return tracer(OTLPSpanExporter(), environment)


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Return whether `environment` names a collector or an exporter."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get(EXPORTER, "")
    return exporter != "none" and bool(exporter or any(map(environment.get, ENDPOINTS)))


def tracer(exporter: SpanExporter, environment: Mapping[str, str]) -> OpenTelemetryTracer:
    """Return a tracer that sends spans to `exporter` in the background."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    attributes = {"service.version": policyd.__version__}
    if not environment.get(SERVICE_NAME) and "service.name=" not in environment.get(RESOURCE, ""):
        attributes["service.name"] = "policyd"
    provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OpenTelemetryTracer(provider)
