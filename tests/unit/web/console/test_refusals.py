from __future__ import annotations

from policyd.errors import Overloaded, RequestError
from policyd.web.console.refusals import refusal_page
from tests.support.console_pages import HOSTILE, evil


def test_a_refusal_is_a_page_with_the_sentence_and_headers_of_the_api() -> None:
    page = refusal_page(Overloaded("too many people; try again later"))

    assert (page.status_code, page.headers["Retry-After"]) == (429, "1")
    assert page.content_type == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert page.headers["Cache-Control"] == "no-store"
    text = page.get_data(as_text=True)
    assert int(page.headers["Content-Length"]) == len(page.get_data())
    assert "<h1>Too Many Requests</h1>" in text
    assert '<p class="problem" role="alert">too many people; try again later</p>' in text
    assert 'href="/console/static/console.css?v=' in text


def test_a_refusal_escapes_what_it_quotes() -> None:
    for name in HOSTILE:
        assert evil(refusal_page(RequestError(name)).get_data(as_text=True)) == []
