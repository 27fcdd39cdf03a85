"""Repeated reviews, through the webhook: real loader, engine and audit log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from msgspec.structs import replace

from policyd.audit import retention
from policyd.audit.event import event_of, rfc3339
from policyd.config import Settings
from policyd.deadline import within
from policyd.errors import AuditError, ReviewTimeout
from policyd.idempotence import KEPT_NANOSECONDS, RepeatedReviews
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS
from tests.unit.web.conftest import (  # noqa: F401 (fixtures)
    audit_path,
    client,
    envelope,
    judging,
    make,
    post,
    services,
    token,
)

TWO_GPUS = (
    "services:\n  train:\n    image: acme/train:1\n    gpus:\n"
    "      - driver: nvidia\n        device_ids: ['0', '1']\n"
)
ASKED = "?uid=job-7&repository=acme/train&host=gpu-01"
Post = Callable[..., Any]


def ids(response: Any) -> tuple[str, str]:
    answer = response.json["response"]
    return answer["uid"], answer["decisionId"]


def test_a_repeated_review_returns_the_recorded_decision_and_grants_once(
    post: Post,  # noqa: F811
    services: Services,  # noqa: F811
) -> None:
    first = post(TWO_GPUS, ASKED)
    post(TWO_GPUS, ASKED.replace("job-7", "job-8"))
    again = post(TWO_GPUS, ASKED)

    assert ids(again) == ids(first)
    assert again.json == first.json
    assert len(services.audit.decisions()) == 2
    assert [grant.decision_id for grant in services.audit.grants()] != [ids(first)[1]]
    assert services.audit.verify().problems == ()
    content = event_of(services.audit.decision(ids(first)[1])).content
    assert isinstance(content, str)
    assert content.startswith("sha256:")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "query"),
    [
        (TWO_GPUS + "# changed\n", ASKED),
        (TWO_GPUS, ASKED + "&commit=c0ffee"),
        (TWO_GPUS, ASKED + "&dryRun=true"),
        (TWO_GPUS, ASKED + "&operation=UPDATE"),
        (TWO_GPUS, ASKED + "&env=A=1"),
        (TWO_GPUS, ASKED + "&name=other"),
        (TWO_GPUS, ASKED + "&missing=unknown"),
        (TWO_GPUS, ASKED + "&user=alice"),
    ],
)
def test_the_uid_of_a_review_with_other_content_is_a_conflict(
    text: str,
    query: str,
    post: Post,  # noqa: F811
    services: Services,  # noqa: F811
) -> None:
    first = post(TWO_GPUS, ASKED)

    response = post(text, query)

    assert (response.status_code, response.json["reason"]) == (409, "Conflict")
    time = services.audit.decisions()[0].time
    assert response.json["message"] == (
        f"the uid 'job-7' is that of a review with another content, which was made on {time}; use "
        "a new one"
    )
    assert [event_of(one).decision_id for one in services.audit.decisions()] == [ids(first)[1]]


def test_reviews_without_a_uid_are_never_the_same(
    post: Post,  # noqa: F811
    services: Services,  # noqa: F811
) -> None:
    first, second = post(TWO_GPUS), post(TWO_GPUS)

    assert ids(first)[0] != ids(second)[0]
    assert ids(first)[1] != ids(second)[1]
    assert '"content"' not in services.audit.decisions()[0].payload


def test_each_client_has_uids_of_its_own(
    make: Callable[..., FlaskClient],  # noqa: F811
    token: Callable[..., Any],  # noqa: F811
) -> None:
    both = make(tokens={"a": token("a", owner="a"), "b": token("b", owner="b")})

    def ask(value: str) -> tuple[str, str]:
        return ids(
            both.post(
                f"/v1/review{ASKED}",
                data=TWO_GPUS,
                content_type="application/yaml",
                headers={"Authorization": f"Bearer {value}"},
            )
        )

    assert ask("a") == ask("a")
    assert ask("a")[1] != ask("b")[1]


def test_a_uid_stands_for_its_review_for_a_day(services: Services) -> None:  # noqa: F811
    now = [1_800_000_000_000_000_000]
    timed = replace(services, settings=Settings(), clock=lambda: now[0])
    app = create_app(timed)

    def ask(text: str = TWO_GPUS) -> Any:
        return app.test_client().post(
            f"/v1/review{ASKED}", data=text, content_type="application/yaml"
        )

    first = ask()
    now[0] += KEPT_NANOSECONDS
    assert ids(ask()) == ids(first)
    now[0] += 1
    second = ask(TWO_GPUS + "# changed\n")
    assert second.status_code == 200
    assert ids(second)[1] != ids(first)[1]
    assert ask().status_code == 409
    app.extensions[PUSH_REVIEWS].close()


def test_a_uid_whose_decision_was_pruned_is_that_of_a_new_review(services: Services) -> None:  # noqa: F811
    now = [1_800_000_000_000_000_000]
    timed = replace(services, settings=Settings(), clock=lambda: now[0])
    app = create_app(timed)

    def ask() -> Any:
        return app.test_client().post(
            f"/v1/review{ASKED}&operation=CHECK", data=TWO_GPUS, content_type="application/yaml"
        )

    first = ask()
    now[0] += 3 * KEPT_NANOSECONDS
    before = rfc3339(now[0] - KEPT_NANOSECONDS)
    retention.prune(services.audit, before, now=now[0], actor="", reason="")
    second = ask()
    assert second.status_code == 200
    assert ids(second)[1] != ids(first)[1]
    app.extensions[PUSH_REVIEWS].close()


def test_reviews_at_the_same_time_are_decided_once(
    client: FlaskClient,  # noqa: F811
    services: Services,  # noqa: F811
) -> None:
    def ask(_: int) -> tuple[str, str]:
        return ids(
            client.application.test_client().post(
                f"/v1/review{ASKED}", data=TWO_GPUS, content_type="application/yaml"
            )
        )

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(ask, range(12)))
    assert len(answers) == 1
    assert len(services.audit.decisions()) == 1


def test_the_decision_of_another_process_in_the_meantime_is_the_answer(
    post: Post,  # noqa: F811
    services: Services,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = post(TWO_GPUS, ASKED)
    event = RepeatedReviews._event
    hidden = [True]

    def late(self: RepeatedReviews, decision_id: str) -> Any:
        return None if hidden and hidden.pop() else event(self, decision_id)

    monkeypatch.setattr(RepeatedReviews, "_event", late)

    assert ids(post(TWO_GPUS, ASKED)) == ids(first)
    assert len(services.audit.decisions()) == 1
    with pytest.raises(AuditError, match="append-only"):
        services.audit.append_decision(
            event_of(services.audit.decisions()[0]).input.review,
            event_of(services.audit.decisions()[0]).result,
        )


def test_waiting_for_the_same_review_ends_with_the_time(services: Services) -> None:  # noqa: F811
    repeated = RepeatedReviews(services.audit)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with repeated.alone("ci", "job-7"):
            entered.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    with within(0.1), pytest.raises(ReviewTimeout), repeated.alone("ci", "job-7"):
        pytest.fail("it is answered twice")
    leave.set()
    thread.join()
    with repeated.alone("ci", "job-7"):
        pass
