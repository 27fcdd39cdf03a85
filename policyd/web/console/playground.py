"""/console/playground: what would be decided about a project?

In: files, a context and perhaps a candidate policy, in a form. Out: the text of `policyd check`.
Nothing is stored: no event, no kept decision, no metric, no file. A candidate policy is loaded in
a process of its own and evaluated in another one, each with a deadline. Few trials run at the same
time, so that reviews always find a free thread.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec
from flask import Blueprint, Response, g, request

from policyd.admission import Admission
from policyd.bundle import MemoryFiles
from policyd.candidate_policy import load_candidate
from policyd.config import Scope
from policyd.engines.isolated import IsolatedEngine
from policyd.errors import Overloaded, PolicydError, PolicySetError
from policyd.formats.report.available import REPORT
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import reviewed
from policyd.observer import NULL_OBSERVER
from policyd.services import FixedRules, Services
from policyd.web import access
from policyd.web.console.pages import html
from policyd.web.console.playground_form import POINTS, Trial, trial_of
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import failure_of

ROUTE: Final = "/console/playground"
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {ROUTE: ("audit:read", "review")}
CANDIDATE_SCOPES: Final[tuple[Scope, ...]] = ("bundles",)
"""The scopes of which one permits a candidate policy."""
AT_ONCE: Final = 1
"""Trials of one process at the same time: each takes one of the threads that answer reviews."""
MAX_TEXT: Final = 100_000
"""Characters of a decision that the page shows."""


class Answer(NamedTuple):
    """The decision as text, and whether it allows the project."""

    allowed: bool
    text: str


class Playground:
    """Decides on trials with services that record nothing."""

    def __init__(self, services: Services) -> None:
        self._services = msgspec.structs.replace(
            services, store=None, cache=None, deferred=None, observer=NULL_OBSERVER
        )
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def decide(self, trial: Trial) -> Answer:
        """Return the decision on `trial`. Raises Overloaded, PolicySetError, BundleError, …

        A candidate policy can show the data of the policy set, so it needs the scope that reads
        OPA bundles.
        """
        if trial.candidate.strip():
            access.require_scope(g.token, CANDIDATE_SCOPES)
        bundle = trial.bundle()
        review = trial.review(g.token, self._services.clock())
        with self._turn(), self._deciding(trial) as services:
            decision = services.decide(bundle, review)
        assert isinstance(bundle.files, MemoryFiles)
        text = REPORT["text"](Report([reviewed(".", decision, "", bundle.files.shown)]))
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}\n… the rest of {len(text):,} characters is left out\n"
        return Answer(decision.allowed, text)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise Overloaded("another trial is being evaluated; try again")
        try:
            yield
        finally:
            self._free.release()

    @contextlib.contextmanager
    def _deciding(self, trial: Trial) -> Iterator[Services]:
        """Give the services that decide: those of the policy set in force, or of the candidate."""
        if not trial.candidate.strip():
            yield self._services
            return
        data = self._services.policy_set.data
        candidate = load_candidate(trial.candidate, trial.constraints, data=data)
        seconds = self._services.settings.review_timeout
        engine = IsolatedEngine(candidate.modules, candidate.data, seconds)
        try:
            rules = FixedRules(Admission(engine, candidate))
            yield msgspec.structs.replace(self._services, rules=rules)
        finally:
            engine.close()


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes."""
    playground = Playground(services)

    @blueprint.get("/playground")
    def empty_playground() -> Response:
        parameters(request, NoParameters)
        return _page(Trial())

    @blueprint.post("/playground")
    def try_out() -> Response:
        parameters(request, NoParameters)
        trial = Trial()
        try:
            trial = trial_of(request.form)
            return _page(trial, playground.decide(trial))
        except PolicySetError as error:
            return _page(trial, problem=str(error), code=HTTPStatus.UNPROCESSABLE_ENTITY)
        except PolicydError as error:
            return _page(trial, problem=str(error), code=failure_of(error).status_code)


def _page(
    trial: Trial, answer: Answer | None = None, *, problem: str = "", code: int = HTTPStatus.OK
) -> Response:
    return html(
        "playground.html",
        code,
        title="Playground",
        trial=trial,
        points=POINTS,
        answer=answer,
        problem=problem,
    )
