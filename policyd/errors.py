"""The tree of errors that policyd raises on purpose. The class says who has to act."""

from __future__ import annotations

from typing import Final

from policyd import masking
from policyd.model import Location, Status


class PolicydError(Exception):
    """Base class. The text is one sentence, which starts with the location if there is one."""

    status_code = 500
    reason = "InternalError"

    def __init__(self, message: str, where: Location | None = None) -> None:
        """`where` is the place of the error in a file.

        Values of a project in `message` are marked by `policyd.masking`.
        """
        self.message = masking.visible(message)
        super().__init__(self.message)
        self.marked = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    @property
    def masked(self) -> str:
        """The text without values of a project and credentials, for records and logs."""
        text = masking.masked(self.marked)
        return f"{self.where}: {text}" if self.where else text

    @property
    def status(self) -> Status:
        """The status of a decision, or of a request, that this error ended."""
        return Status(self.status_code, self.reason, str(self), self.where)


MAX_MESSAGE: Final = 1_000
"""Characters in a message about a project or a request: the sender chooses what it quotes."""


class ComposeError(PolicydError):
    """Compose would refuse this project. The sender has to fix it, so it is a denial."""

    status_code = 422
    reason = "Invalid"

    def __init__(self, message: str, where: Location | None = None) -> None:
        """Longer messages than MAX_MESSAGE are cut."""
        super().__init__(cut(message), where)
        self.variables: frozenset[str] = frozenset()
        """Values of variables that the project uses. They can be parts of paths and names."""

    @property
    def masked(self) -> str:
        """The text without values of the project and of variables."""
        text = masking.replaced(masking.masked(self.marked), self.variables)
        return f"{self.where}: {text}" if self.where else text


def cut(message: str) -> str:
    """Return the first MAX_MESSAGE characters of `message`, and the end of the last mark."""
    if len(message) <= MAX_MESSAGE:
        return message
    return masking.complete(message[: MAX_MESSAGE - 1]) + "…"


class LeaseError(PolicydError):
    """The project states an invalid end of its grants. The sender has to fix it: it is denied."""

    status_code = 422
    reason = "Invalid"


class NoComposeFile(PolicydError):
    """There is no Compose file, so there is no project to decide on."""

    status_code = 400
    reason = "BadRequest"


class BundleError(PolicydError):
    """The files are not a valid bundle: too large, a link, a path outside the root."""

    status_code = 400
    reason = "BadRequest"


class PayloadTooLarge(BundleError):
    """A limit on the size or the number of files is exceeded."""

    status_code = 413
    reason = "RequestEntityTooLarge"


class RequestError(PolicydError):
    """The request is malformed."""

    status_code = 400
    reason = "BadRequest"


class RequestTimeout(RequestError):
    """The request did not arrive in time."""

    status_code = 408
    reason = "RequestTimeout"


class Overloaded(PolicydError):
    """The service has too many requests at the moment. Nothing was decided."""

    status_code = 429
    reason = "TooManyRequests"


class ReviewTimeout(Overloaded):
    """The review did not end in time. Nothing was decided, and nothing was recorded."""

    status_code = 504
    reason = "Timeout"


class Unauthorized(PolicydError):
    """The request has no token, or an unknown one."""

    status_code = 401
    reason = "Unauthorized"


class Forbidden(PolicydError):
    """The token does not permit this request."""

    status_code = 403
    reason = "Forbidden"


class IdentityError(PolicydError):
    """An issuer of identities of CI jobs did not answer as expected. Its last keys go on counting.

    Only logs name it: requests get Unauthorized or IdentityUnavailable.
    """


class IdentityUnavailable(PolicydError):
    """The keys of an issuer are not known at the moment, so its tokens cannot be verified."""

    status_code = 503
    reason = "ServiceUnavailable"


class Conflict(PolicydError):
    """The request contradicts an earlier one."""

    status_code = 409
    reason = "Conflict"


class NotFound(PolicydError):
    """The decision, policy or route does not exist."""

    status_code = 404
    reason = "NotFound"


class ContentRemoved(NotFound):
    """Retention removed the content of the decision; its hash is still in the log."""


class UnsupportedMediaType(RequestError):
    """This route does not support the type of the body."""

    status_code = 415
    reason = "UnsupportedMediaType"


class ConfigError(PolicydError):
    """The configuration of policyd is wrong: a setting, a flag, a token file."""


class PolicySetError(ConfigError):
    """A policy set, a constraint or a Rego file is wrong. The operator has to fix it.

    `others` is the number of further errors in the same policy set.
    """

    others: int = 0


class PolicySetWarning(PolicySetError):
    """A valid part of a policy set that is probably a mistake. It does not prevent loading."""

    def __str__(self) -> str:
        return f"{self.where}: warning: {self.message}" if self.where else self.message


class EngineError(PolicydError):
    """The policy engine failed, timed out or returned no result. This is always a denial."""

    status_code = 500
    reason = "InternalError"


class EngineUnavailable(EngineError):
    """The policy engine ended, did not answer or took too long: no policy is at fault.

    A failure policy can ignore it.
    """


class OtherRevision(EngineUnavailable):
    """The engine holds another policy set than the one that should decide."""

    status_code = 503
    reason = "ServiceUnavailable"


class AuditError(PolicydError):
    """The audit log cannot be read or written. A decision without its record is not returned."""


class Unrecordable(AuditError):
    """A decision or an event has a text that no audit log can hold. The sender has to change it."""

    status_code = 400
    reason = "BadRequest"


class RegistryError(PolicydError):
    """A registry did not answer as expected, or its content does not match its digest."""

    status_code = 502
    reason = "BadGateway"


class ForgeError(PolicydError):
    """A forge did not answer as expected. The review is attempted again, unless `is_final`.

    `retry_after` is the number of seconds after which the forge wants to be asked again.
    """

    status_code = 502
    reason = "BadGateway"

    def __init__(self, message: str, *, retry_after: float = 0.0, is_final: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_final = is_final


class WebhookError(PolicydError):
    """A webhook did not answer with a decision."""

    status_code = 502
    reason = "BadGateway"


class DeliveryError(PolicydError):
    """What should leave the machine, such as decisions or checkpoints, was not delivered."""

    status_code = 502
    reason = "BadGateway"


class WebhookUnavailable(WebhookError):
    """A webhook could not be reached, or could not answer. A failure policy can ignore it."""


class NoteError(PolicydError):
    """A signed note, a checkpoint or a proof is malformed, or a signature does not hold."""


class ReceiptError(PolicydError):
    """A receipt of a decision is malformed, expired or for another host.

    Or it is not signed by a trusted key.
    """
