"""Read the discovery document of an OpenID provider, and the addresses that it names.

In: the URL of an issuer; hosts that its document may name besides its own. Out: the document; the
address of its keys or of another endpoint. Redirects are not followed, and no credentials are sent.
Errors: IdentityError. Source: OpenID Connect Discovery 1.0, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec
import requests

from policyd.deadline import Deadline
from policyd.errors import IdentityError
from policyd.timed_session import session_until

MAX_DISCOVERY: Final = 64 * 1024
DISCOVERY_PATH: Final = "/.well-known/openid-configuration"

_PIECE: Final = 16 * 1024


def discovery_document(issuer: str, deadline: Deadline) -> Mapping[str, object]:
    """Return the discovery document of `issuer`, an URL."""
    text = get(issuer.rstrip("/") + DISCOVERY_PATH, MAX_DISCOVERY, deadline)
    try:
        found = msgspec.json.decode(text, type=dict[str, object])
    except (ValueError, RecursionError) as error:
        raise IdentityError("the discovery document is not a JSON object") from error
    if found.get("issuer") != issuer:
        raise IdentityError("the discovery document is that of another issuer")
    return found


def address_of(
    document: Mapping[str, object], key: str, what: str, issuer: str, hosts: Collection[str]
) -> str:
    """Return the address that `document` has as `key`, if it may be requested.

    It is at the host of `issuer` or at one of `hosts`. `what` names it in messages.
    """
    address = document.get(key)
    own = urlsplit(issuer)
    try:
        target = urlsplit(address) if isinstance(address, str) else None
    except ValueError:
        target = None
    if target is None or target.scheme not in ("https", own.scheme):
        raise IdentityError(f"the discovery document names no address of {what}")
    if target.netloc not in (own.netloc, *hosts):
        raise IdentityError(f"the discovery document names {what} at a host that is not allowed")
    return str(address)


def get(url: str, limit: int, deadline: Deadline) -> bytes:
    """Return the content at `url`, which has at most `limit` bytes."""
    try:
        with (
            session_until(deadline) as session,
            session.get(
                url,
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                auth=_no_credentials,
                stream=True,
                allow_redirects=False,
                timeout=deadline.remaining() or 0.001,
            ) as response,
        ):
            if response.status_code != 200:
                raise IdentityError(f"{url} answered {response.status_code}")
            content = bytearray()
            for piece in response.iter_content(_PIECE):
                content += piece
                if len(content) > limit:
                    raise IdentityError(f"{url} sent more than {limit:,} bytes")
    except (requests.RequestException, ValueError) as error:
        raise IdentityError(f"{url} cannot be read") from error
    if not deadline.remaining():
        raise IdentityError(f"{url} did not answer in time")
    return bytes(content)


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave `request` as it is: without this, requests would read .netrc."""
    return request
