from __future__ import annotations

import html
import sqlite3
from contextlib import closing

import pytest

from policyd.audit.event import Target
from policyd.audit.log_event import log_event_of
from policyd.publication_settings import CheckpointCopy, Witness
from policyd.web.console import audit
from tests.support.ledger import SIGNER, signed
from tests.unit.audit.conftest import NOON, pair
from tests.unit.audit.test_verify import DROP
from tests.unit.web.console.conftest import HOSTILE, Browser

PATH = "/console/audit"


@pytest.fixture
def filled(services) -> None:
    """A log of two decisions, a checkpoint of them, and a retention."""
    store = services.audit
    store.append_decision(*pair("d1"))
    store.append_decision(*pair("d2", seconds=1))
    signed(store)
    details = {"before": "2026-01-01T00:00:00Z", "through": 1, "decisions": 1200}
    store.append_event("retention", details, now=NOON, actor="ana", reason="two years are enough")


def kinds(page) -> list[str]:
    return [item["kind"] for item in page.json["items"]]


@pytest.mark.usefixtures("filled")
def test_the_page_has_the_state_of_the_log(services, watching) -> None:
    text = html.unescape(watching(NOON).get(PATH).text)

    assert '<span class="figure">3</span>events since 2026-11-23' in text
    assert '<span class="figure">2</span>events in the last checkpoint' in text
    assert '<span class="figure">1</span>events since then' in text
    assert services.audit.events(1)[0].hash in text
    assert "the content of 1,200 decisions before 2026-01-01 was removed" in text
    assert "(two years are enough)" in text
    assert "The log was not verified here yet." in text
    assert "Checkpoints are not published." in text


@pytest.mark.usefixtures("filled")
def test_the_newest_events_are_verified_with_an_event(services, watching) -> None:
    browser = watching(NOON)
    answer = browser.post(f"{PATH}/verify", {}, page=PATH)

    assert (answer.status_code, answer.location) == (303, PATH)
    text = html.unescape(browser.get(PATH).text)
    assert "✓ no problem" in text
    assert (
        "Events 1 to 3 of 3 were compared with their hash chain, the tree of hashes and 1" in text
    )
    event = log_event_of(services.audit.events(1, kinds=("log-verified",))[0])
    assert (event.actor, event.details) == (
        "local",
        {"first": 1, "through": 3, "events": 3, "checkpoints": 1, "problems": 0},
    )
    browser.post(f"{PATH}/verify", {}, page=PATH)
    assert "Events 4 to 4 of 4 were compared" in html.unescape(browser.get(PATH).text)


@pytest.mark.usefixtures("filled")
def test_a_problem_is_loud_and_its_events_are_verified_again(audit_path, watching) -> None:
    with closing(sqlite3.connect(audit_path)) as connection, connection:
        for statement in (*DROP, "UPDATE events SET hash = 'x' WHERE sequence = 3"):
            connection.execute(statement)
    browser = watching(NOON)
    browser.post(f"{PATH}/verify", {}, page=PATH)

    text = html.unescape(browser.get(PATH).text)
    assert "event 3: its hash does not match its payload" in text
    assert "✓ no problem" not in text
    browser.post(f"{PATH}/verify", {}, page=PATH)
    assert "Events 1 to 4 of 4 were compared" in html.unescape(browser.get(PATH).text)


def test_each_place_has_its_last_checkpoint(services, make) -> None:
    details = {"events": 7, "published": ["witnesses.near", "checkpoint_copies.disk"]}
    services.audit.append_event("checkpoint", details, now=NOON)
    witness = Witness(url="https://witness.example", public_key=SIGNER.verifier.vkey)
    client = make(
        witnesses={"near": witness, "far": witness},
        checkpoint_copies={"disk": CheckpointCopy(file="/x")},
    )
    text = Browser(client).get(PATH).text

    assert (
        '<th scope="row">witnesses.near</th><td>witness</td>\n<td class="number">7</td>'
    ) in text
    assert (
        '<th scope="row">checkpoint_copies.disk</th><td>file</td>\n<td class="number">7</td>'
    ) in text
    assert text.count("! nothing accepted lately") == 1
    listed = Browser(client).get(f"{PATH}?format=csv&list=places").text.splitlines()
    assert [line.partition(",20")[0] for line in listed] == [
        "Setting,Kind,Events,Accepted",
        "witnesses.near,witness,7",
        "witnesses.far,witness,,",
        "checkpoint_copies.disk,file,7",
    ]


@pytest.mark.usefixtures("filled")
def test_the_list_has_events_that_are_not_decisions(services, watching, monkeypatch) -> None:
    services.audit.append_event("start", {"version": "1"}, now=NOON)
    services.audit.append_event("checkpoint", {"events": 2}, now=NOON)
    browser = watching(NOON)

    assert kinds(browser.get(f"{PATH}?format=json")) == ["start", "retention"]
    assert kinds(browser.get(f"{PATH}?format=json&kind=checkpoint")) == ["checkpoint"]
    assert browser.get(f"{PATH}?format=json&kind=x").status_code == 400
    monkeypatch.setattr(audit, "PAGE", 1)
    assert 'href="/console/audit?before=4" rel="next">Older →</a>' in browser.get(PATH).text
    assert kinds(browser.get(f"{PATH}?format=json&before=4")) == ["retention"]


@pytest.mark.usefixtures("filled")
def test_a_reader_sees_events_of_the_own_repositories_and_verifies_nothing(
    services, watching
) -> None:
    target = Target("acme/train", "train", "prod", "gpu-01")
    services.audit.append_event("grant-revoked", {"grants": []}, now=NOON, target=target)

    browser = watching(NOON, {"repositories": ("acme/*",)})
    assert kinds(browser.get(f"{PATH}?format=json")) == ["grant-revoked"]
    assert "Verify now</button>" not in browser.get(PATH).text
    assert browser.post(f"{PATH}/verify", {}, page=PATH).status_code == 403
    other = watching(NOON, {"repositories": ("web/*",)})
    assert kinds(other.get(f"{PATH}?format=json")) == []
    assert "There are no such events that you may see." in other.get(PATH).text


def test_a_form_of_another_site_is_refused(client, services) -> None:
    assert client.post(f"{PATH}/verify").status_code == 403
    assert services.audit.events() == []


def test_names_stay_text_and_no_cell_is_a_formula(services, watching) -> None:
    services.audit.append_event(
        "settings", {HOSTILE: HOSTILE}, now=NOON, actor="=1+1", reason=HOSTILE,
        target=Target(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
    )  # fmt: skip
    services.audit.append_event(
        "retention", {"before": HOSTILE, "decisions": 1}, now=NOON, actor=HOSTILE, reason=HOSTILE
    )
    browser = watching(NOON)

    page = browser.get(PATH)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "\"onx='" not in page.text
    assert "'=1+1" in browser.get(f"{PATH}?format=csv").text
