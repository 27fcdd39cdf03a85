"""GET /log/checkpoint and /log/tile/…: the audit log as a transparency log in the forms of C2SP.

The routes exist if a key for checkpoints is configured. With witnesses, the checkpoint is the
newest that one of them cosigned, once there is one; tiles reach to the end of the log. Entries have
digests only, so a token sees them for all repositories. Source: C2SP tlog-tiles, tlog-checkpoint.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request
from sqlalchemy import select

from policyd.audit import tree
from policyd.audit.database import Database
from policyd.audit.event import rfc3339
from policyd.audit.tables import events, tree_nodes
from policyd.errors import NotFound
from policyd.services import Services
from policyd.transparency.tiles import HEIGHT, WIDTH, Tile, entry_bundle, tile_at
from policyd.web.query import NoParameters, parameters

MAX_AGE: Final = 5
"""Seconds for which a checkpoint is served before a new one is signed."""


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes if a key is configured. Raises ConfigError if it cannot be used."""
    settings = services.settings
    if not settings.audit_key_file:
        return
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.audit.checkpoints import latest, load_signer, sign
    from policyd.audit.cosignatures import newest_cosigned
    from policyd.transparency.note import verifier_of

    signer = load_signer(settings.audit_key_file, settings.audit_origin)
    witnesses = [verifier_of(one.public_key) for one in settings.witnesses.values()]

    @app.get("/log/checkpoint")
    def checkpoint() -> Response:
        parameters(request, NoParameters)
        now = services.clock()
        with services.audit.database.reading() as connection:
            cosigned = newest_cosigned(connection, witnesses) if witnesses else None
            last = latest(connection)
        if cosigned is not None:
            return _text(cosigned.note)
        oldest = now - MAX_AGE * 1_000_000_000
        if last is not None and rfc3339(oldest) < last.time <= rfc3339(now):
            return _text(last.note)
        with services.audit.database.writing() as connection:
            return _text(sign(connection, signer, rfc3339(now)))

    @app.get("/log/tile/<path:name>")
    def tile(name: str) -> Response:
        parameters(request, NoParameters)
        found = tile_at(name)
        content = _content(services.audit.database, found) if found else None
        if content is None:
            raise NotFound(f"the log has no tile {name!r}")
        response = Response(content, mimetype="application/octet-stream")
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response


def _text(note: str) -> Response:
    return Response(note, mimetype="text/plain")


def _content(database: Database, tile: Tile) -> bytes | None:
    """Return the bytes of `tile`, None if the log does not have all of it."""
    first = tile.index * WIDTH
    if first + tile.width > _nodes_at_most(tile.level):
        return None
    with database.reading() as connection:
        if tile.level < 0:
            query = (
                select(*tree.ENTRY_COLUMNS)
                .where(events.c.sequence > first, events.c.sequence <= first + tile.width)
                .order_by(events.c.sequence)
            )
            found = [tree.entry(*row) for row in connection.execute(query)]
            return entry_bundle(found) if len(found) == tile.width else None
        nodes = (
            select(tree_nodes.c.hash)
            .where(
                tree_nodes.c.level == tile.level * HEIGHT,
                tree_nodes.c.position >= first,
                tree_nodes.c.position < first + tile.width,
            )
            .order_by(tree_nodes.c.position)
        )
        hashes = [bytes(row.hash) for row in connection.execute(nodes)]
    return b"".join(hashes) if len(hashes) == tile.width else None


def _nodes_at_most(level: int) -> int:
    """Return how many hashes a level of tiles can have: positions are 63-bit numbers."""
    return 2**63 - 1 >> max(level, 0) * HEIGHT
