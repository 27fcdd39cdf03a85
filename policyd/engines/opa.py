"""An OPA server as engine, for organisations that run an OPA fleet.

In: the address of a server that has loaded the policy set as a bundle (`policyd bundle build`, or
`/bundles` of `policyd serve`), and a review input each time. Out: Findings. Whatever is not a plain
answer by the very revision that is in force is an EngineError. Source: OPA REST API, "Data API";
opa-python-client 3.0.
"""

from __future__ import annotations

import threading
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import requests
from opa_client.opa import OpaClient  # type: ignore[import-untyped]

from policyd.engines import QUERY, decode
from policyd.errors import ConfigError, EngineError, OtherRevision
from policyd.model import Findings, to_json

DEADLINE: Final = 5.0
"""Seconds that one request to the server may take."""

RETRIES: Final = 1
"""Requests that are tried again when no connection comes about."""

_PARAMETERS: Final = {"strict-builtin-errors": "true", "provenance": "true"}
_PORTS: Final = {"http": 80, "https": 443}


class OpaEngine:
    """Evaluates policies on an OPA server, over one connection a thread."""

    name = "opa"

    def __init__(
        self,
        url: str,
        revision: str,
        *,
        token: str = "",
        ca_file: str = "",
        deadline: float = DEADLINE,
    ) -> None:
        """Ask the server at `url`, which must hold the policy set `revision`.

        `token` is sent as bearer token, `ca_file` is a file of certificates that are trusted
        instead of the system's; `deadline` is in seconds. Raises ConfigError for an address that is
        no URL of a server.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError(f"engine_url: expected http(s)://HOST[:PORT], found {url!r}")
        self._url = url.rstrip("/")
        self._options = {
            "host": parts.hostname,
            "port": parts.port or _PORTS[parts.scheme],
            "ssl": (ca_file or True) if parts.scheme == "https" else False,
            "token": token or None,
            "timeout": deadline,
            "retries": RETRIES,
        }
        self._revision = revision
        self._local = threading.local()

    def findings(self, review_input: bytes) -> Findings:
        """Return what the policies say of `review_input`.

        Raises EngineError when the server cannot be reached, does not answer in time, answers with
        an error or without a result; OtherRevision when it holds another policy set.
        """
        document = msgspec.json.decode(review_input)
        try:
            answer = self._client().query_rule(
                document, QUERY.removeprefix("data."), query_params=_PARAMETERS
            )
        except requests.RequestException as error:
            raise EngineError(f"OPA at {self._url}: {_explained(error)}") from None
        except (ValueError, OSError) as error:
            raise EngineError(f"OPA at {self._url} gave no JSON answer: {error}") from None
        if not isinstance(answer, dict):
            raise EngineError(f"OPA at {self._url} gave an answer that is no mapping")
        self._check_revision(answer)
        if "result" not in answer:
            raise EngineError(f"OPA at {self._url} has no {QUERY}: is the bundle loaded?")
        return decode(to_json(answer["result"]))

    def close(self) -> None:
        """Close the connection of the calling thread."""
        client = getattr(self._local, "client", None)
        if client is not None:
            client.close_connection()
            del self._local.client

    def _client(self) -> OpaClient:
        if not hasattr(self._local, "client"):
            self._local.client = OpaClient(**self._options)
            self._local.client.root_url = f"{self._url}/v1"
        client: OpaClient = self._local.client
        return client

    def _check_revision(self, answer: dict[str, Any]) -> None:
        bundles = answer.get("provenance", {}).get("bundles", {})
        revisions = sorted(str(bundle.get("revision", "")) for bundle in bundles.values())
        if self._revision not in revisions:
            held = ", ".join(revisions) or "no bundle"
            raise OtherRevision(
                f"OPA at {self._url} holds {held}, the policy set in force is {self._revision}"
            )


def _explained(error: requests.RequestException) -> str:
    """Return what went wrong, with OPA's own message where there is one."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    response = error.response
    if response is None:
        return type(error).__name__
    try:
        body = response.json()
    except ValueError:
        return f"status {response.status_code}"
    messages = [body.get("message", ""), *(e.get("message", "") for e in body.get("errors", []))]
    return f"status {response.status_code}: {': '.join(filter(None, messages))}"
