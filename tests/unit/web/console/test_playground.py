from __future__ import annotations

import html
import re

import pytest

from policyd.decision_cache import DecisionCache
from policyd.errors import Overloaded
from policyd.services import Services
from policyd.web.app import create_app
from policyd.web.console import playground
from policyd.web.console.playground_form import PastedFile, Trial
from tests.support.cases import cases
from tests.support.namedrule import POLICY
from tests.unit.web.console.conftest import HOSTILE, Browser

PATH = "/console/playground"
DENIED = "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n"


def form(*files: tuple[str, str], **fields: str) -> dict[str, object]:
    return {"name": [name for name, _ in files], "content": [text for _, text in files], **fields}


def text_of(page) -> str:
    """Return the text of the decision on `page`."""
    return html.unescape(re.search(r'<pre class="decision"[^>]*>(.*?)</pre>', page.text, re.S)[1])


def problem_of(page) -> str:
    return html.unescape(re.search(r'role="alert">(.*?)</p>', page.text, re.S)[1])


def test_the_decision_is_the_text_of_the_api(browser, client) -> None:
    page = browser.post(PATH, form(("compose.yaml", DENIED), environment="prod"))

    answer = client.post(
        "/v1/review?environment=prod&operation=CHECK",
        data=DENIED,
        content_type="application/yaml",
        headers={"Accept": "text/plain"},
    )
    assert page.status_code == 200
    assert text_of(page) == answer.text
    assert answer.text.startswith("DENIED  .: ")
    assert "✕ denied" in page.text


def test_files_are_merged_as_compose_does_or_as_the_form_says(browser) -> None:
    files = (("compose.yaml", "services:\n  web:\n    image: nginx:1.27\n"),
             ("compose.prod.yaml", "services:\r\n  web:\r\n    privileged: true\r\n"))  # fmt: skip

    assert "compose.prod.yaml:3:5" not in text_of(browser.post(PATH, form(*files)))
    both = browser.post(PATH, form(*files, compose_files="compose.yaml compose.prod.yaml"))
    assert "compose.prod.yaml:3" in text_of(both)


def test_the_context_counts(browser_of) -> None:
    browser = browser_of(repositories=("acme/**",))

    asked = form(("compose.yaml", DENIED), repository="other/app")
    page = browser.post(PATH, asked)
    assert page.status_code == 403
    assert problem_of(page) == "this token is not valid for the repository 'other/app'"
    page = browser.post(PATH, form(("compose.yaml", DENIED)))
    assert problem_of(page) == (
        "this token is limited by repository: the review must state its repository"
    )
    allowed = form(("compose.yaml", DENIED), repository="acme/app", user="anybody", point="daemon")
    assert text_of(browser.post(PATH, allowed)).startswith("DENIED")


def test_nothing_is_stored(services) -> None:
    cache = DecisionCache(10)
    kept = Services(services.settings, services.rules, services.store, cache=cache)
    client = create_app(kept).test_client()
    before = metrics(client)

    browser = Browser(client)
    for _ in range(2):
        assert browser.post(PATH, form(("compose.yaml", DENIED))).status_code == 200

    assert services.audit.events() == []
    assert len(cache._kept) == 0
    assert metrics(client) == before


def metrics(client) -> list[str]:
    lines = client.get("/metrics", base_url="https://localhost").text.splitlines()
    return [line for line in lines if line.startswith("policyd_decision")]


@pytest.mark.thorough
def test_only_a_candidate_policy_decides_if_there_is_one(browser) -> None:
    page = browser.post(PATH, form(("compose.yaml", DENIED), candidate=POLICY))

    assert text_of(page).splitlines()[0] == "DENIED  .: 1 violation"
    assert "it is named web" in text_of(page)
    assert "by the candidate policy" in page.text

    constraint = (
        "apiVersion: policyd/v1\nkind: Constraint\nmetadata: {name: named}\n"
        "spec: {policy: named, enforcementAction: warn}\n"
    )
    page = browser.post(
        PATH, form(("compose.yaml", DENIED), candidate=POLICY, constraints=constraint)
    )
    assert text_of(page).splitlines()[0] == "ALLOWED  .: 1 warning"


@pytest.mark.thorough
def test_a_candidate_needs_the_scope_that_reads_the_data_of_the_policy_set(browser_of) -> None:
    browser = browser_of(scopes=("review", "audit:read"))
    page = browser.post(PATH, form(("compose.yaml", DENIED), candidate=POLICY))

    assert page.status_code == 403
    assert problem_of(page) == (
        "this request requires a token with the scope bundles; this token has review, audit:read"
    )


def test_a_wrong_candidate_is_refused_with_its_place(browser) -> None:
    page = browser.post(PATH, form(("compose.yaml", DENIED), candidate=POLICY + "x := {\n"))

    assert page.status_code == 422
    assert problem_of(page) == "candidate.rego:15:1: expecting expression"
    assert "x := {" in page.text


@cases(
    "sent,code,sentence",
    [
        (
            form(("", DENIED)),
            400,
            "a file has no name: name it, such as compose.yaml",
        ),
        (
            form(("a.yaml", DENIED), ("a.yaml", DENIED)),
            400,
            "duplicate file name 'a.yaml' in the form",
        ),
        (
            form(("../a.yaml", DENIED)),
            400,
            "'../a.yaml': the name has a '..'; it must stay inside the project",
        ),
        (
            form(("compose.yaml", DENIED), repository="a//b"),
            400,
            "source.repository is 'a//b'; write it without blanks at its ends, '.', '..' and '//'",
        ),
        (
            form(("compose.yaml", DENIED), point="moon"),
            400,
            "the enforcement point is 'moon': it must be one of cli, ci, webhook, registry, "
            "forge, daemon",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_said(browser, sent, code, sentence) -> None:
    page = browser.post(PATH, sent)

    assert (page.status_code, problem_of(page)) == (code, sentence)


def test_names_and_contents_stay_text(browser) -> None:
    sent = form((f"{HOSTILE}.yaml", f"services: {{web: {{image: '{HOSTILE}'}}}}\n"),
                compose_files=HOSTILE, repository=HOSTILE, user=HOSTILE, candidate="")  # fmt: skip
    for page in (
        browser.post(PATH, sent),
        browser.post(PATH, {**sent, "point": HOSTILE}),
        browser.post(PATH, form(("compose.yaml", f"services:\n  {HOSTILE}: [\n"))),
        browser.post(PATH, form(("compose.yaml", "</textarea><script>x</script>"))),
    ):
        assert "<script>" not in page.text
        assert "\"onx='" not in page.text


def test_a_form_of_another_site_is_refused(client) -> None:
    answer = client.post(PATH, data=form(("compose.yaml", DENIED)))

    assert answer.status_code == 403


def test_a_form_that_is_too_large_is_a_page(make) -> None:
    page = Browser(make(max_body=2_000)).post(PATH, form(("compose.yaml", "#" * 3_000)))

    assert page.status_code == 413
    assert problem_of(page) == "request body too large"


def test_a_token_without_a_scope_is_refused(make, token) -> None:
    client = make(tokens={"one": token("x", scopes=("metrics",))})

    answer = client.get(PATH, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 403


def test_trials_do_not_take_the_threads_of_reviews(services) -> None:
    one = playground.Playground(services)

    with (
        one._turn(),
        pytest.raises(Overloaded, match="another trial is being evaluated"),
        one._turn(),
    ):
        pass
    with one._turn():
        pass


def test_a_long_decision_is_shortened(browser, monkeypatch) -> None:
    monkeypatch.setattr(playground, "MAX_TEXT", 20)

    text = text_of(browser.post(PATH, form(("compose.yaml", DENIED))))
    assert re.fullmatch(r".{20}\n… the rest of [0-9,]+ characters is left out\n", text, re.S)


def test_a_file_without_text_is_none() -> None:
    trial = Trial(files=(PastedFile("", " \n"), PastedFile("a.yaml", "x: 1\n")))

    assert trial.bundle().files.names() == ()
    assert trial.bundle().files.read("/project/a.yaml") == b"x: 1\n"


def test_an_empty_form_says_what_to_paste(browser) -> None:
    page = browser.post(PATH, form(("compose.yaml", " \r\n")))

    assert page.status_code == 400
    assert problem_of(page) == "every file is empty: paste the content of a Compose file"
