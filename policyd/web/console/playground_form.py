"""The form of the playground: the files, the context and the candidate policy that a person sends.

In: a form. Out: a Trial, with the bundle and the review that it stands for. Errors: RequestError
and BundleError, with the sentences of the API.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, get_args

import msgspec
from werkzeug.datastructures import MultiDict

from policyd.bundle import memory_bundle
from policyd.config import Token
from policyd.errors import BundleError, RequestError
from policyd.model import Bundle, EnforcementPoint, Review, Source, UserInfo
from policyd.web import access
from policyd.web.review_request import Question, checked

POINTS: Final[tuple[EnforcementPoint, ...]] = get_args(EnforcementPoint)
SLOTS: Final = ("compose.yaml", "compose.override.yaml", ".env", "")
"""The names of the files that the form offers to paste."""
_TEXTS: Final = ("repository", "environment", "host", "user", "compose_files")


class PastedFile(NamedTuple):
    """A file: its name below the project, and its text."""

    name: str
    text: str


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to see the decision on.

    `compose_files` are names separated by blanks: "" lets Compose choose. Without `candidate`, a
    text in Rego, the policy set in force decides. `constraints` are those of the candidate.
    """

    files: tuple[PastedFile, ...] = tuple(PastedFile(name, "") for name in SLOTS)
    compose_files: str = ""
    repository: str = ""
    environment: str = ""
    host: str = ""
    user: str = ""
    point: EnforcementPoint = "cli"
    candidate: str = ""
    constraints: str = ""

    def bundle(self) -> Bundle:
        """Return the project.

        Raises BundleError for an invalid and for a duplicate name, and if all files are empty.
        """
        files: dict[str, bytes] = {}
        for file in self.files:
            if not file.text.strip():
                continue
            if not file.name:
                raise BundleError("a file has no name: name it, such as compose.yaml")
            if file.name in files:
                raise BundleError(f"duplicate file name {file.name!r} in the form")
            files[file.name] = file.text.encode("utf-8", "replace")
        if not files:
            raise BundleError("every file is empty: paste the content of a Compose file")
        return memory_bundle(files, self.compose_files.split())

    def review(self, token: Token, now: int) -> Review:
        """Return the review at the time `now` that a person with `token` may ask for.

        Anybody may ask about a user, because nothing is granted. Raises RequestError, Forbidden.
        """
        source = Source(repository=self.repository, environment=self.environment, host=self.host)
        user = UserInfo(self.user) if self.user else None
        checked(Question(uid="", operation="CHECK", dry_run=True, user_info=user, source=source,
                         fail=False))  # fmt: skip
        owner = access.authorise(token, source, None)
        return Review(
            uid=str(uuid.uuid4()),
            enforcement_point=self.point,
            now=now,
            dry_run=True,
            user_info=user or owner,
            source=source,
        )


def trial_of(form: MultiDict[str, str]) -> Trial:
    """Return what `form` says. Raises RequestError for an unknown enforcement point."""
    point = form.get("point", "cli")
    known = next((one for one in POINTS if one == point), None)
    if known is None:
        raise RequestError(
            f"the enforcement point is {point!r}: it must be one of {', '.join(POINTS)}"
        )
    texts: Mapping[str, str] = {name: form.get(name, "").strip() for name in _TEXTS}
    names, contents = form.getlist("name"), form.getlist("content")
    files = [
        PastedFile(name.strip(), _lines(text)) for name, text in zip(names, contents, strict=False)
    ]
    return Trial(
        files=_padded(files),
        point=known,
        candidate=_lines(form.get("candidate", "")),
        constraints=_lines(form.get("constraints", "")),
        **texts,
    )


def _padded(files: Sequence[PastedFile]) -> tuple[PastedFile, ...]:
    """Return `files` and as many empty ones as the form needs."""
    return (*files, *(PastedFile(name, "") for name in SLOTS[len(files) :]))


def _lines(text: str) -> str:
    """Return `text` with the line ends of files: a form sends CRLF (HTML, section 4.10.21.4)."""
    return text.replace("\r\n", "\n")
