"""The page of a request that is refused before it takes a thread: no template can be rendered.

In: the error. Out: a page with the same sentence, status and headers as the answer of the API.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Response
from markupsafe import Markup

from policyd.errors import PolicydError
from policyd.web.console.assets import ASSETS
from policyd.web.console.pages import HEADERS
from policyd.web.replies import failure_of

_PAGE: Final = Markup("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · policyd</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{style}">
</head>
<body>
<header class="top"><a class="brand" href="/console/">policyd</a></header>
<main id="main">
<h1>{title}</h1>
<p class="problem" role="alert">{message}</p>
<p><a href="">Try again</a></p>
</main>
</body>
</html>
""")


def refusal_page(error: PolicydError) -> Response:
    """Return the page about `error`."""
    answer = failure_of(error)
    title = HTTPStatus(answer.status_code).phrase
    text = _PAGE.format(title=title, style=ASSETS["console.css"].address, message=str(error))
    shown = Response(text, answer.status_code, mimetype="text/html")
    for name, value in (*answer.headers.items(), *HEADERS.items()):
        shown.headers.setdefault(name, value)
    shown.headers["Cache-Control"] = "no-store"
    shown.headers["X-Content-Type-Options"] = "nosniff"
    return shown
