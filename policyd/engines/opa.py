"""An OPA server as engine, for organisations that run OPA servers.

In: the address of a server that has loaded the policy set as an OPA bundle (`policyd bundle build`,
or `/bundles` of `policyd serve`); an input document for each evaluation. Out: Findings. Anything
but a result of the revision in force is an EngineError. Source: OPA REST API, "Data API";
opa-python-client 3.0.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec
import requests
from opa_client.opa import OpaClient  # type: ignore[import-untyped]

from policyd.deadline import Deadline, is_limited, remaining
from policyd.engines import DEADLINE, QUERY, EngineOptions, decode
from policyd.errors import (
    ConfigError,
    EngineError,
    EngineUnavailable,
    OtherRevision,
    PolicydError,
    ReviewTimeout,
)
from policyd.masking import without_credentials
from policyd.model import Findings, to_json
from policyd.timed_session import end_connections

if TYPE_CHECKING:
    from policyd.policies.policy_set import PolicySet

RETRIES: Final = 1
"""How often a request is repeated if the connection cannot be established."""

_PARAMETERS: Final = {"strict-builtin-errors": "true", "provenance": "true"}
_PORTS: Final = {"http": 80, "https": 443}


def create(policy_set: PolicySet, options: EngineOptions) -> OpaEngine:
    """Return an engine for the server that `options` name. Raises ConfigError."""
    if not options.url:
        raise ConfigError('engine is "opa": set engine_url to the URL of the OPA server')
    if options.ca_file and not Path(options.ca_file).is_file():
        raise ConfigError(f"engine_ca_file: {options.ca_file} does not exist")
    return OpaEngine(
        options.url,
        policy_set.revision,
        token=options.token,
        ca_file=options.ca_file,
        deadline=options.deadline,
    )


class OpaEngine:
    """Evaluates policies on an OPA server, with one connection for each thread."""

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
        """The server at `url` must hold the policy set `revision`.

        `token` is sent as bearer token, `ca_file` is a file of certificates that are trusted
        instead of the system's; `deadline` is in seconds. Raises ConfigError if `url` is not the
        URL of a server.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError(
                f"engine_url: expected http(s)://HOST[:PORT], found {without_credentials(url)!r}"
            )
        self._url = url.rstrip("/")
        self._shown = without_credentials(self._url)
        self._options = {
            "host": parts.hostname,
            "port": parts.port or _PORTS[parts.scheme],
            "ssl": (ca_file or True) if parts.scheme == "https" else False,
            "token": token or None,
            "retries": RETRIES,
        }
        self._revision = revision
        self._seconds = deadline
        self._local = threading.local()

    def findings(self, review_input: bytes) -> Findings:
        """Return the findings and grants for `review_input`.

        Raises EngineError when the server cannot be reached, takes too long, or answers with an
        error or without a result; OtherRevision when it holds another policy set; ReviewTimeout
        instead of EngineError when the time of a review is over.
        """
        document = msgspec.json.decode(review_input)
        deadline = Deadline(remaining(self._seconds))
        try:
            answer = self._client(deadline).query_rule(
                document, QUERY.removeprefix("data."), query_params=_PARAMETERS
            )
        except (requests.RequestException, ValueError, OSError, RecursionError) as error:
            raise self._failure(error, deadline) from None
        finally:
            deadline.release()
        found = self._converted(answer)
        self._check_revision(found)
        if found.result is msgspec.UNSET:
            raise EngineError(f"OPA at {self._shown} has no {QUERY}: is the OPA bundle loaded?")
        try:
            return decode(to_json(found.result))
        except (ValueError, OverflowError, RecursionError) as error:
            raise EngineError(f"OPA at {self._shown}: {QUERY} is not JSON: {error}") from None

    def close(self) -> None:
        """Close the connection of the calling thread."""
        client = getattr(self._local, "client", None)
        if client is not None:
            client.close_connection()
            del self._local.client

    def _client(self, deadline: Deadline) -> OpaClient:
        """Return the client of this thread, whose requests end at `deadline`."""
        self._local.deadline = deadline
        if not hasattr(self._local, "client"):
            self._local.client = OpaClient(**self._options)
            end_connections(
                self._local.client._session, lambda: self._local.deadline, retries=RETRIES
            )
            self._local.client.root_url = f"{self._url}/v1"
            # A redirect would send the project and the token to another server.
            self._local.client._session.max_redirects = 0
        client: OpaClient = self._local.client
        client.timeout = deadline.remaining()
        return client

    def _failure(self, error: Exception, deadline: Deadline) -> PolicydError:
        """Return the error of a query that failed with `error`, or did not end by `deadline`."""
        if not deadline.remaining():
            if is_limited():
                return ReviewTimeout(f"OPA did not answer within {deadline.seconds:.1f} seconds")
            return EngineUnavailable(f"OPA at {self._shown}: no answer in time")
        if isinstance(error, (requests.JSONDecodeError, RecursionError)):
            return EngineUnavailable(f"OPA at {self._shown} did not answer with JSON: {error}")
        if isinstance(error, requests.RequestException):
            kind = EngineUnavailable if error.response is None else EngineError
            return kind(f"OPA at {self._shown}: {_explained(error)}")
        return EngineUnavailable(f"OPA at {self._shown} did not answer: {error}")

    def _converted(self, answer: Any) -> _Answer:
        """Return the answer as its type. Raises EngineError if it has another form."""
        try:
            return msgspec.convert(answer, _Answer)
        except (msgspec.ValidationError, RecursionError) as error:
            raise EngineError(f"OPA at {self._shown} sent an invalid answer: {error}") from None

    def _check_revision(self, answer: _Answer) -> None:
        revisions = sorted(bundle.revision for bundle in answer.provenance.bundles.values())
        if self._revision not in revisions:
            held = ", ".join(revisions) or "no OPA bundle"
            raise OtherRevision(
                f"OPA at {self._shown} holds {held}; the policy set in force is {self._revision}"
            )


class _OpaBundle(msgspec.Struct, frozen=True):
    revision: str = ""


class _Provenance(msgspec.Struct, frozen=True):
    bundles: dict[str, _OpaBundle] = {}


class _Answer(msgspec.Struct, frozen=True):
    """An answer of the Data API, as far as it is used."""

    provenance: _Provenance = _Provenance()
    result: Any = msgspec.UNSET


class _Problem(msgspec.Struct, frozen=True):
    message: str = ""


class _Failure(_Problem, frozen=True):
    """An answer of the Data API about an error."""

    errors: tuple[_Problem, ...] = ()


def _explained(error: requests.RequestException) -> str:
    """Return the cause of `error`, with OPA's own message if there is one."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects to another URL; redirects are not followed"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    response = error.response
    if response is None:
        return type(error).__name__
    try:
        body = msgspec.json.decode(response.content, type=_Failure)
    except (ValueError, RecursionError):
        return f"status {response.status_code}"
    messages = [body.message, *(each.message for each in body.errors)]
    return f"status {response.status_code}: {': '.join(filter(None, messages))}"
