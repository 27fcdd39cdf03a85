"""Read a request to /v1/review.

In: a request whose body is JSON, YAML, a form with files, a tar or a tar.gz archive; it may be
hostile. Out: a Question, and a Bundle with all profiles enabled. Errors: RequestError with the JSON
path or the name of the parameter, BundleError, PayloadTooLarge, UnsupportedMediaType.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from policyd.archive import archive_bundle
from policyd.bundle import memory_bundle
from policyd.errors import PayloadTooLarge, RequestError, UnsupportedMediaType
from policyd.expected_values import expected
from policyd.lazy_pattern import lazy_pattern
from policyd.limits import MAX_FILES, MAX_NAME
from policyd.model import Bundle, Missing, Operation, Source, UserInfo
from policyd.web.body import body_of, check_keys
from policyd.web.query import parameters
from policyd.workloads.image_configs import image_configs

MAX_TEXT: Final = 1024
"""Characters of each text about the user and the source. Names, refs and ids are shorter."""

_NAMES: Final = (
    *("source.repository", "source.commit", "source.environment", "source.host"),
    *("userInfo.username", "name"),
)
"""What is found in the audit log by an index: at most MAX_NAME bytes each."""

_PATTERN_MATCHED: Final = ("source.repository", "source.environment", "source.host")
"""What the limits of tokens, constraints and exceptions are compared with."""

_WRONG_CHOICE: Final = lazy_pattern(
    r"Invalid enum value (?P<value>.*) - at `\$\.(?P<path>[a-zA-Z.]+)`", re.DOTALL
)
_CHOICES: Final[dict[str, Any]] = {
    "apiVersion": Literal["policyd/v1"],
    "kind": Literal["ComposeReview"],
    "request.operation": Operation,
    "request.project.missing": Missing,
}
"""The fields of a ComposeReview that have a fixed set of values."""

JSON_TYPES: Final = ("application/json",)
YAML_TYPES: Final = ("application/yaml", "application/x-yaml", "text/yaml")
FORM_TYPES: Final = ("multipart/form-data",)
ARCHIVE_TYPES: Final = ("application/x-tar", "application/gzip", "application/x-gzip")


class ReviewedProject(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    files: dict[str, str] = {}
    name: str = ""
    compose_files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    env: dict[str, str] = {}
    missing: Missing = "error"


class RequestedReview(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    project: ReviewedProject
    uid: str = ""
    operation: Operation = "CREATE"
    dry_run: bool = False
    user_info: UserInfo | None = None
    source: Source = Source()
    image_configs: dict[str, Any] = {}


class ReviewEnvelope(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    request: RequestedReview
    api_version: Literal["policyd/v1"]
    kind: Literal["ComposeReview"]


class ReviewQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The query parameters for a body that is not JSON. Lists are repeated parameters."""

    uid: str = ""
    operation: Operation = "CREATE"
    dry_run: bool = False
    user: str = ""
    repository: str = ""
    ref: str = ""
    commit: str = ""
    environment: str = ""
    host: str = ""
    name: str = ""
    compose_files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    missing: Missing = "error"
    fail: bool = False


class JsonQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fail: bool = False


class Question(msgspec.Struct, frozen=True):
    """The question in a request. `user_info` is None if it names no user, `uid` "" if it has none.

    With `fail`, a denial is an HTTP error.
    """

    uid: str
    operation: Operation
    dry_run: bool
    user_info: UserInfo | None
    source: Source
    fail: bool


def question_of(request: Request, limit: int) -> tuple[Question, Bundle]:
    """Return the question and the files in `request`, whose body has at most `limit` bytes."""
    question, bundle = _read(request, limit)
    _check_text("name", bundle.project_name)
    _check_variables(bundle.environment)
    return question, bundle


def _read(request: Request, limit: int) -> tuple[Question, Bundle]:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Content-Encoding is not supported; send the body without it")
    kind = request.mimetype
    if kind in JSON_TYPES:
        return _from_json(request, limit)
    query = parameters(request, ReviewQuery)
    if not kind and query.operation == "DELETE":  # the name of the project is enough
        return _question(query), _bundle(query, {}, ())
    if kind in YAML_TYPES:
        files = {"compose.yaml": body_of(request, limit)}
        return _question(query), _bundle(query, files, query.compose_files or tuple(files))
    if kind in FORM_TYPES:
        body_of(request, limit)  # the form is parsed from the whole body
        return _question(query), _bundle(query, _form_files(request), query.compose_files)
    if kind in ARCHIVE_TYPES:
        return _question(query), _archive(query, body_of(request, limit))
    expected = ", ".join((*JSON_TYPES, *YAML_TYPES, *FORM_TYPES, *ARCHIVE_TYPES))
    raise UnsupportedMediaType(f"the Content-Type is {kind or 'missing'}; supported are {expected}")


def _from_json(request: Request, limit: int) -> tuple[Question, Bundle]:
    others = {field.encode_name for field in msgspec.structs.fields(ReviewQuery)} - {"fail"}
    for name in others & {*request.args}:
        raise RequestError(f"the query parameter {name} is not for JSON; write it into the body")
    fail = parameters(request, JsonQuery).fail
    try:
        body = body_of(request, limit)
        asked = msgspec.json.decode(body, type=ReviewEnvelope).request
        check_keys(body)
    except (ValueError, RecursionError) as error:
        is_project = "unknown field `services`" in str(error)
        hint = "; send a Compose file as application/yaml" if is_project else ""
        problem = f"{_choices(str(error))}{hint}"
        raise RequestError(f"the body is not a ComposeReview: {problem}") from error
    project = asked.project
    question = Question(
        asked.uid, asked.operation, asked.dry_run, asked.user_info, asked.source, fail
    )
    bundle = memory_bundle(
        {name: text.encode() for name, text in project.files.items()},
        project.compose_files,
        project.env_files,
        environment=project.env,
        project_name=project.name,
        image_configs=image_configs(asked.image_configs),
    )
    return checked(question), msgspec.structs.replace(bundle, missing=project.missing)


def _choices(problem: str) -> str:
    """Return `problem`, a message of msgspec, with the values that would be right."""
    wrong = _WRONG_CHOICE.fullmatch(problem)
    kind = _CHOICES.get(wrong["path"]) if wrong else None
    if wrong is None or kind is None:
        return problem
    return f"expected {expected(kind)}, got {wrong['value']} - at `$.{wrong['path']}`"


def _question(query: ReviewQuery) -> Question:
    return checked(
        Question(
            query.uid,
            query.operation,
            query.dry_run,
            UserInfo(query.user) if query.user else None,
            Source(query.repository, query.ref, query.commit, query.environment, query.host),
            query.fail,
        )
    )


def checked(question: Question) -> Question:
    """Return `question`. Raises RequestError for long or unprintable texts."""
    user = question.user_info or UserInfo()
    texts = {
        "uid": question.uid,
        **{f"source.{name}": text for name, text in msgspec.to_builtins(question.source).items()},
        "userInfo.username": user.username,
        **{f"userInfo.groups[{number}]": group for number, group in enumerate(user.groups)},
    }
    for name, text in texts.items():
        _check_text(name, text)
        if name in _PATTERN_MATCHED and not _is_plain(text):
            raise RequestError(
                f"{name} is {text!r}; write it without blanks at its ends, '.', '..' and '//'"
            )
    return question


def _check_text(name: str, text: str) -> None:
    """Raise RequestError if `text`, the value of `name`, is too long or unprintable."""
    if len(text) > MAX_TEXT:
        raise RequestError(f"{name} has {len(text):,} characters; the limit is {MAX_TEXT:,}")
    if name in _NAMES and (size := len(text.encode("utf-8", "replace"))) > MAX_NAME:
        raise RequestError(f"{name} has {size:,} bytes; the limit is {MAX_NAME}")
    if not text.isprintable():
        raise RequestError(f"{name} has an unprintable character: {text!r}")


def _check_variables(environment: Mapping[str, str]) -> None:
    """Raise RequestError for a variable that no environment can have. Values are not quoted."""
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name:
            raise RequestError(f"env: {name!r} is not the name of a variable")
        if "\0" in value:
            raise RequestError(f"env: the value of {name!r} has a NUL character")


def _is_plain(name: str) -> bool:
    """Return whether `name` can be matched by globs: it reads the same to whoever resolves it."""
    return not name or all(part.strip() == part not in ("", ".", "..") for part in name.split("/"))


def _bundle(query: ReviewQuery, files: dict[str, bytes], compose_files: tuple[str, ...]) -> Bundle:
    bundle = memory_bundle(
        files,
        compose_files,
        query.env_files,
        environment=_environment(query.env),
        project_name=query.name,
    )
    return msgspec.structs.replace(bundle, missing=query.missing)


def _archive(query: ReviewQuery, data: bytes) -> Bundle:
    bundle = archive_bundle(
        data,
        query.compose_files,
        query.env_files,
        environment=_environment(query.env),
        project_name=query.name,
    )
    return msgspec.structs.replace(bundle, missing=query.missing)


def _environment(settings: tuple[str, ...]) -> dict[str, str]:
    """Return the variables in `settings`, each NAME=VALUE. Errors do not quote values."""
    environment: dict[str, str] = {}
    for number, setting in enumerate(settings, 1):
        name, equals, value = setting.partition("=")
        if not name or not equals:
            raise RequestError(f"the query parameter env number {number} is not NAME=VALUE")
        if name in environment:
            raise RequestError(f"the query parameter env sets {name!r} twice")
        environment[name] = value
    return environment


def _form_files(request: Request) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        uploads = list(request.files.items(multi=True))
    except RequestEntityTooLarge as error:  # the body as a whole is not: its parts are too many
        raise PayloadTooLarge(f"the form has more than {MAX_FILES} parts") from error
    for part, upload in uploads:
        name = upload.filename or ""
        if part != "file":
            raise RequestError(f"unknown part {part!r} in the form; files are parts named 'file'")
        if not name:
            raise RequestError("a part 'file' of the form has no file name")
        if name in files:
            raise RequestError(f"duplicate file name {name!r} in the form")
        files[name] = upload.read()
    if request.form:
        part = next(iter(request.form))
        raise RequestError(f"the part {part!r} of the form is not a file; it needs a file name")
    if not files:
        raise RequestError("the form has no files; send parts named 'file' with file names")
    return files
