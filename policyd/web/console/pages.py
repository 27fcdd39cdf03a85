"""Pages of the console: HTML, and the same list as JSON or CSV.

In: a template and what it shows. Out: an answer with the headers that keep scripts, styles and
frames of others out. Templates escape every value. No cell of CSV is a formula. Sources: CSP
Level 3; RFC 4180.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from flask import Response, g, render_template, request
from markupsafe import Markup, escape

from policyd.formats.tabular import literal
from policyd.model import to_json
from policyd.web.console import entry
from policyd.web.console.assets import ASSETS

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
}
"""The headers of every answer of the console.

With the policy no-referrer, browsers would send the Origin "null" with forms, which is refused
while no token is configured. Source: Fetch, section 3.2, "append a request Origin header".
"""

NAVIGATION: Final = {
    "/console/": "Overview",
    "/console/decisions": "Decisions",
    "/console/projects": "Projects",
    "/console/gpus": "GPUs",
    "/console/policies": "Policies",
    "/console/exceptions": "Exceptions",
    "/console/playground": "Playground",
    "/console/audit": "Audit",
    "/console/hooks": "Hooks",
}
"""The pages in the menu, in its order."""

_MORE: Final = "..."
_OCTETS_OF_LINKS: Final = 4_000
"""Bytes of the names in links to all hosts of a page."""
_BACKTICKS: Final = re.compile(r"`([^`\n]+)`")


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The query of a page; those with filters derive from it."""

    format: Literal["html", "json", "csv"] = "html"


class Listing(NamedTuple):
    """A list on a page: the name of its file, the titles of its columns, its rows by column."""

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, object]]


def page(
    template: str, title: str, query: PageQuery, listing: Listing | None = None, **values: Any
) -> Response:
    """Return the page `template` with `values`, or its `listing` in the format that is asked for.

    The template also gets `title`, `listing`, `query` and `path`. A page without a listing exists
    as HTML only.
    """
    if listing and query.format == "json":
        return Response(to_json({"items": listing.rows}) + b"\n", mimetype="application/json")
    if listing and query.format == "csv":
        answer = Response(_csv(listing), mimetype="text/csv")
        answer.headers["Content-Disposition"] = f'attachment; filename="{listing.name}.csv"'
        return answer
    return html(template, title=title, listing=listing, query=query, **values)


def html(template: str, code: int = HTTPStatus.OK, **values: Any) -> Response:
    """Return the page `template` with `values`."""
    text = render_template(f"console/{template}", path=request.path, **values)
    return Response(text, code, mimetype="text/html")


def failure_page(answer: Response) -> Response:
    """Return the failure `answer` of the API as a page, with the same sentence and headers."""
    message = msgspec.json.decode(answer.get_data())["message"]
    shown = html(
        "error.html",
        answer.status_code,
        title=_title(answer),
        message=message,
        is_filtered=answer.status_code == HTTPStatus.BAD_REQUEST
        and bool(request.query_string)
        and request.path in NAVIGATION,
    )
    for name, value in answer.headers.items():
        shown.headers.setdefault(name, value)
    return shown


def context() -> dict[str, Any]:
    """Return what every template may use."""
    return {
        "assets": ASSETS,
        "navigation": NAVIGATION,
        "csrf_token": entry.csrf_token,
        "url_with": url_with,
        "moment": moment,
        "prose": prose,
        "signed_in": g.get("token"),
        "has_session": bool(g.get("browser")) and "token" in g and g.token.owner != "local",
    }


def url_with(**changes: object) -> str:
    """Return the address of this page with these parameters changed; None removes one."""
    query = {name: values for name, values in request.args.lists() if name not in changes}
    added = {name: [str(value)] for name, value in changes.items() if value is not None}
    encoded = urlencode({**query, **added}, doseq=True)
    return f"{request.path}?{encoded}" if encoded else request.path


def fit(text: object, most: int) -> str:
    """Return the beginning of `text`: at most `most` characters, twice as many bytes on a page."""
    whole = str(text)
    if len(whole) <= most and _octets(whole) <= 2 * most:
        return whole
    shown = whole[: most - len(_MORE)]
    while _octets(shown) > 2 * most - len(_MORE):
        shown = shown[:-1]
    return shown + _MORE


def fitting(names: Iterable[str], most: int) -> list[str]:
    """Return the first of `names`, at most `most`, that fit on a page as links; at least one."""
    found, octets = list[str](), 0
    for name in itertools.islice(names, most):
        octets += len(quote(name))
        if found and octets > _OCTETS_OF_LINKS:
            break
        found.append(name)
    return found


def _octets(text: str) -> int:
    return len(escape(text).encode(errors="replace"))


def moment(time: str) -> Markup:
    """Return the RFC 3339 `time` for a page: in UTC, with the seconds; "never" for ""."""
    if not time:
        return Markup("never")
    shown = time[:19].replace("T", " ")
    return Markup('<time datetime="{}">{} UTC</time>').format(escape(time), escape(shown))


def prose(text: str) -> Markup:
    """Return `text` for a page, with what it has between backticks as code."""
    parts = _BACKTICKS.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


def _csv(listing: Listing) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(listing.columns.values())
    for row in listing.rows:
        writer.writerow([_cell(row.get(column)) for column in listing.columns])
    return text.getvalue()


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    return literal(str(value))


def _title(answer: Response) -> str:
    return HTTPStatus(answer.status_code).phrase
