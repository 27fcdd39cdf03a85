from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from policyd import tracing
from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import prepare
from policyd.model import Review
from policyd.policies.policy_set import load_policy_set


class Noting:
    """A tracer that notes the spans, each with the one around it."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.seen: list[str] = []
        self.attributes: dict[str, str | bool | int] = {}

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        self.opened.append(name)
        self.seen.append("/".join(self.opened))
        yield
        self.opened.pop()

    def request(
        self, name: str, headers: Mapping[str, str]
    ) -> tracing.AbstractContextManager[None]:
        return self.span(f"{name} {dict(headers)}")

    def annotate(self, attributes: Mapping[str, str | bool | int]) -> None:
        self.attributes |= attributes


def review() -> None:
    with tracing.request("review", {"a": "b"}):
        loaded = prepare(memory_bundle({"compose.yaml": b"services: {web: {image: nginx}}"}))
        policy_set = load_policy_set()
        engine = EmbeddedEngine(policy_set.modules, policy_set.data)
        Admission(engine, policy_set).decide(loaded, Review(uid="u", enforcement_point="ci", now=0))
        engine.close()
        tracing.annotate({"allowed": True})


def test_the_parts_of_a_review_are_spans_below_that_of_its_request() -> None:
    noting = Noting()

    with tracing.using(noting):
        review()

    top = "review {'a': 'b'}"
    assert noting.seen == [top, f"{top}/load", f"{top}/workloads", f"{top}/evaluate"]
    assert noting.attributes == {"allowed": True}


def test_without_a_tracer_nothing_is_noted() -> None:
    noting = Noting()
    with tracing.using(noting):
        pass

    review()
    assert noting.seen == []
