from __future__ import annotations

from collections.abc import Iterator

from policyd.errors import MAX_MESSAGE, ComposeError, PolicydError
from policyd.model import Location, Status


def kinds(kind: type[PolicydError] = PolicydError) -> Iterator[type[PolicydError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from kinds(below)


def test_an_error_is_a_sentence_that_begins_with_its_place() -> None:
    place = Location("compose.yaml", 3, 5)

    assert str(PolicydError("bad value")) == "bad value"
    assert str(PolicydError("bad value", place)) == "compose.yaml:3:5: bad value"
    assert PolicydError("bad value", place).status == Status(
        500, "InternalError", "compose.yaml:3:5: bad value", place
    )


def test_the_code_says_who_has_to_act() -> None:
    codes = {kind.__name__: kind.status_code for kind in kinds()}

    assert (
        codes
        | {
            "PolicydError": 500,
            "ComposeError": 422,
            "NoComposeFile": 400,
            "BundleError": 400,
            "PayloadTooLarge": 413,
            "RequestError": 400,
            "RequestTimeout": 408,
            "UnsupportedMediaType": 415,
            "Overloaded": 429,
            "Unauthorized": 401,
            "Forbidden": 403,
            "NotFound": 404,
            "ConfigError": 500,
            "PolicySetError": 500,
            "EngineError": 500,
            "OtherRevision": 503,
            "AuditError": 500,
            "RegistryError": 502,
        }
        == codes
    )


def test_a_message_about_a_project_has_a_limit() -> None:
    assert ComposeError("x" * MAX_MESSAGE).message == "x" * MAX_MESSAGE
    assert ComposeError("x" * 5_000_000).message == "x" * (MAX_MESSAGE - 1) + "…"
