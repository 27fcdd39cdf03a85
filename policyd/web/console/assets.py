"""GET /console/static/<name>: the style sheet and the script of the console.

The address of a file contains its digest, so a browser keeps it until it changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from flask import Blueprint, Response

from policyd.errors import NotFound

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript"}


class Asset(NamedTuple):
    """A file: its content, its media type, and its address in pages."""

    content: bytes
    mimetype: str
    address: str


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content, _TYPES[path.suffix], f"/console/static/{path.name}?v={digest}")


ASSETS: Final[Mapping[str, Asset]] = {
    path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES
}


def add_routes(blueprint: Blueprint) -> None:
    """Add the route, which is open to strangers."""

    @blueprint.get("/static/<name>")
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise NotFound(f"the console has no file {name}")
        response = Response(ASSETS[name].content, mimetype=ASSETS[name].mimetype)
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response
