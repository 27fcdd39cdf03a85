"""GET /metrics: the metrics of all workers, for Prometheus."""

from __future__ import annotations

from flask import Flask, Response, request

from policyd.metrics import Metrics
from policyd.services import Services


def add_routes(app: Flask, services: Services) -> None:
    """Add the route if `services` collect metrics."""
    metrics = services.observer
    if not isinstance(metrics, Metrics):
        return

    @app.get("/metrics")
    def show_metrics() -> Response:
        text, content_type = metrics.text(request.headers.get("Accept", ""))
        return Response(text, content_type=content_type)
