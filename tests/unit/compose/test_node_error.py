"""An error about a value knows its path once it has passed the levels above."""

from __future__ import annotations

from policyd.compose.node_error import NodeError
from tests.support.compose_projects import document


def test_the_path_is_written_from_the_outside() -> None:
    node = document("services:\n  web: {ports: [x]}\n").value["services"]
    error = NodeError("expected a port", node)
    error.path += [0, "ports", "web"]

    assert str(error.located("services")) == (
        "compose.yaml:1:1: services.web.ports[0]: expected a port"
    )


def test_an_error_of_the_root_has_no_path() -> None:
    assert str(NodeError("expected a mapping", document("a: 1\n")).located()) == (
        "compose.yaml:1:1: expected a mapping"
    )
