"""What a request to /v1/review asks.

In: a request whose body is JSON, YAML, a form with files, a tar or a tar.gz. Out: a Question and
the Bundle that it is about, every profile on. Everything in it is hostile. Errors: RequestError
with the JSON path or the name of the parameter, BundleError, PayloadTooLarge,
UnsupportedMediaType.
"""

from __future__ import annotations

import uuid
from typing import Final, Literal

import msgspec
from flask import Request

from policyd.archive import archive_bundle
from policyd.bundle import memory_bundle
from policyd.errors import RequestError, UnsupportedMediaType
from policyd.model import Bundle, Operation, Source, UserInfo
from policyd.web.body import body_of
from policyd.web.query import parameters

MAX_TEXT: Final = 1024
"""Characters of each text that says who asks or what for: names, refs and ids are shorter."""

JSON_TYPES: Final = ("application/json",)
YAML_TYPES: Final = ("application/yaml", "application/x-yaml", "text/yaml")
FORM_TYPES: Final = ("multipart/form-data",)
ARCHIVE_TYPES: Final = ("application/x-tar", "application/gzip", "application/x-gzip")


class _Project(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    files: dict[str, str]
    name: str = ""
    compose_files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    env: dict[str, str] = {}


class _Request(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    project: _Project
    uid: str = ""
    operation: Operation = "CREATE"
    dry_run: bool = False
    user_info: UserInfo | None = None
    source: Source = Source()


class _Envelope(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    request: _Request
    api_version: Literal["policyd/v1"]
    kind: Literal["ComposeReview"]


class _Query(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The query parameters of a body that is no JSON; lists are parameters given several times."""

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
    fail: bool = False


class _JsonQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fail: bool = False


class Question(msgspec.Struct, frozen=True):
    """What is asked. `user_info` is what the request says of who asks; None for nothing.

    `fail` asks for an HTTP error when the review is denied.
    """

    uid: str
    operation: Operation
    dry_run: bool
    user_info: UserInfo | None
    source: Source
    fail: bool


def question_of(request: Request, limit: int) -> tuple[Question, Bundle]:
    """Return what `request`, whose body has at most `limit` bytes, asks, and about which files."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("the body has a Content-Encoding; send it as it is")
    kind = request.mimetype
    if kind in JSON_TYPES:
        return _from_json(request, limit)
    query = parameters(request, _Query)
    if kind in YAML_TYPES:
        files = {"compose.yaml": body_of(request, limit)}
        return _question(query), _bundle(query, files, query.compose_files or tuple(files))
    if kind in FORM_TYPES:
        return _question(query), _bundle(query, _form_files(request), query.compose_files)
    if kind in ARCHIVE_TYPES:
        return _question(query), _archive(query, body_of(request, limit))
    expected = ", ".join((*JSON_TYPES, *YAML_TYPES, *FORM_TYPES, *ARCHIVE_TYPES))
    raise UnsupportedMediaType(f"the Content-Type is {kind or 'missing'}; these work: {expected}")


def _from_json(request: Request, limit: int) -> tuple[Question, Bundle]:
    fail = parameters(request, _JsonQuery).fail
    try:
        asked = msgspec.json.decode(body_of(request, limit), type=_Envelope).request
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not a ComposeReview: {error}") from error
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
    )
    return _checked(question), bundle


def _question(query: _Query) -> Question:
    return _checked(
        Question(
            query.uid,
            query.operation,
            query.dry_run,
            UserInfo(query.user) if query.user else None,
            Source(query.repository, query.ref, query.commit, query.environment, query.host),
            query.fail,
        )
    )


def _checked(question: Question) -> Question:
    """Return `question` with a uid; texts that would garble a log are refused."""
    user = question.user_info or UserInfo()
    texts = {
        "uid": question.uid,
        **{f"source.{name}": text for name, text in msgspec.to_builtins(question.source).items()},
        "userInfo.username": user.username,
        **{f"userInfo.groups[{number}]": group for number, group in enumerate(user.groups)},
    }
    for name, text in texts.items():
        if len(text) > MAX_TEXT:
            raise RequestError(f"{name} has {len(text):,} characters; the limit is {MAX_TEXT:,}")
        if not text.isprintable():
            raise RequestError(f"{name} has a character that cannot be printed: {text!r}")
    return msgspec.structs.replace(question, uid=question.uid or str(uuid.uuid4()))


def _bundle(query: _Query, files: dict[str, bytes], compose_files: tuple[str, ...]) -> Bundle:
    return memory_bundle(files, compose_files, query.env_files, project_name=query.name)


def _archive(query: _Query, data: bytes) -> Bundle:
    return archive_bundle(data, query.compose_files, query.env_files, project_name=query.name)


def _form_files(request: Request) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for part, upload in request.files.items(multi=True):
        name = upload.filename or ""
        if part != "file":
            raise RequestError(f"the form has a part {part!r}; files are parts named 'file'")
        if not name:
            raise RequestError("a part 'file' of the form has no file name")
        if name in files:
            raise RequestError(f"the form has two files of the name {name!r}")
        files[name] = upload.read()
    if request.form:
        part = next(iter(request.form))
        raise RequestError(f"the form's part {part!r} is no file; it needs a file name")
    if not files:
        raise RequestError("the form has no file: send parts named 'file', with file names")
    return files
