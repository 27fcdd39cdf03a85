"""Every error of policyd: one tree, and the class says whose fault it is."""

from __future__ import annotations

from typing import Final

from policyd.model import Location


class PolicydError(Exception):
    """Base of all errors that policyd raises on purpose. Its text is one clear sentence."""

    status_code = 500
    reason = "InternalError"


MAX_MESSAGE: Final = 1_000
"""Characters of a message on a project: names and values in it come from the sender."""


class ComposeError(PolicydError):
    """Compose would refuse this project: the sender's fault, so a denial with this reason."""

    status_code = 422
    reason = "Invalid"

    def __init__(self, message: str, where: Location | None = None) -> None:
        if len(message) > MAX_MESSAGE:
            message = message[: MAX_MESSAGE - 1] + "…"
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class NoComposeFile(PolicydError):
    """There is nothing to judge: no Compose file where one was looked for."""

    status_code = 400
    reason = "BadRequest"


class BundleError(PolicydError):
    """The files handed over are no bundle: too large, a link, a path that leaves it."""

    status_code = 400
    reason = "BadRequest"


class PayloadTooLarge(BundleError):
    """A limit on the size or the number of files was passed."""

    status_code = 413
    reason = "RequestEntityTooLarge"


class RequestError(PolicydError):
    """The request cannot be understood."""

    status_code = 400
    reason = "BadRequest"


class Unauthorized(PolicydError):
    """No token, or one that is not known."""

    status_code = 401
    reason = "Unauthorized"


class Forbidden(PolicydError):
    """The token may not do what the request asks."""

    status_code = 403
    reason = "Forbidden"


class NotFound(PolicydError):
    """There is no such decision, policy or route."""

    status_code = 404
    reason = "NotFound"


class UnsupportedMediaType(RequestError):
    """The body is of a type that this route does not take."""

    status_code = 415
    reason = "UnsupportedMediaType"


class ConfigError(PolicydError):
    """Our own configuration is wrong: a setting, a flag, a token file."""

    def __init__(self, message: str, where: Location | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class PolicySetError(ConfigError):
    """A policy set, a constraint or a Rego file is wrong: the operator's fault."""


class EngineError(PolicydError):
    """The policy engine failed, timed out or gave no result: a denial, never an allow."""

    status_code = 500
    reason = "InternalError"


class OtherRevision(EngineError):
    """The engine holds another policy set than the one that the review is judged by."""

    status_code = 503
    reason = "ServiceUnavailable"


class AuditError(PolicydError):
    """The audit log cannot be read or written: no answer leaves without its record."""


class RegistryError(PolicydError):
    """A registry did not answer as it should, or what it sent does not match its digest."""

    status_code = 502
    reason = "BadGateway"
