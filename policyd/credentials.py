"""Recognize credentials in texts, without keeping or returning them.

In: a text, or the name and the value of a variable or of an option. Out: the kind of the credential
and where it is in the text. Sources: the formats of tokens that their issuers document, which
gitleaks (config/gitleaks.toml) and detect-secrets (plugins/) recognize too; RFC 3986, 3.2.1.
Texts are hostile: each pattern has bounded repetitions, and is tried only on a text that contains
its fixed part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

import msgspec

from policyd.lazy_pattern import lazy_pattern

CredentialKind = Literal["private-key", "token", "url", "name"]


class Found(msgspec.Struct, frozen=True):
    """A credential in a text: its kind, its format, and its place from `start` to `end`."""

    kind: CredentialKind
    form: str
    start: int
    end: int


def _token(pattern: str) -> re.Pattern[str]:
    return lazy_pattern(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", re.ASCII)


_WORD: Final = "[A-Za-z0-9_-]"
_TOKENS: Final[tuple[tuple[str, str, re.Pattern[str]], ...]] = (
    ("AKIA", "AWS access key", _token("AKIA[A-Z2-7]{16}")),
    ("ASIA", "AWS access key", _token("ASIA[A-Z2-7]{16}")),
    ("gh", "GitHub token", _token("gh[pousr]_[A-Za-z0-9]{36,255}")),
    ("github_pat_", "GitHub token", _token("github_pat_[A-Za-z0-9_]{80,90}")),
    ("gl", "GitLab token", _token(rf"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-{_WORD}{{20,120}}")),
    ("xox", "Slack token", _token("xox[abeoprs]-[A-Za-z0-9-]{10,250}")),
    ("xapp-", "Slack token", _token("xapp-[A-Za-z0-9-]{10,250}")),
    (
        "hooks.slack.com/",
        "Slack webhook",
        _token("hooks[.]slack[.]com/(?:services|workflows)/[A-Za-z0-9/]{20,100}"),
    ),
    (
        "/api/webhooks/",
        "Discord webhook",
        lazy_pattern(rf"discord(?:app)?[.]com/api/webhooks/[0-9]{{10,25}}/{_WORD}{{50,100}}"),
    ),
    ("k_", "Stripe key", _token("[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}")),
    ("AIza", "Google API key", lazy_pattern(rf"(?<![A-Za-z0-9])AIza{_WORD}{{35}}(?!{_WORD})")),
    ("GOCSPX-", "Google client secret", _token(rf"GOCSPX-{_WORD}{{28}}")),
    ("T3BlbkFJ", "OpenAI key", _token(rf"sk-{_WORD}{{0,100}}T3BlbkFJ{_WORD}{{16,120}}")),
    ("sk-ant-", "Anthropic key", _token(rf"sk-ant-{_WORD}{{20,200}}")),
    ("hf_", "Hugging Face token", _token("hf_[A-Za-z0-9]{30,60}")),
    ("nvapi-", "NVIDIA API key", _token(rf"nvapi-{_WORD}{{40,120}}")),
    ("npm_", "npm token", _token("npm_[A-Za-z0-9]{36}")),
    ("pypi-", "PyPI token", _token(rf"pypi-AgE{_WORD}{{50,500}}")),
    ("dckr_", "Docker token", _token(rf"dckr_(?:pat|oat)_{_WORD}{{20,60}}")),
    ("SG.", "SendGrid key", _token(rf"SG[.]{_WORD}{{16,32}}[.]{_WORD}{{16,64}}")),
    ("SK", "Twilio key", _token("SK[0-9a-f]{32}")),
    ("key-", "Mailgun key", _token("key-[0-9a-f]{32}")),
    ("do", "DigitalOcean token", _token("do[opr]_v1_[a-f0-9]{64}")),
    ("hv", "Vault token", _token(rf"hv[sbr][.]{_WORD}{{24,300}}")),
    ("glsa_", "Grafana token", _token("glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}")),
    (":AA", "Telegram token", lazy_pattern(rf"(?<![0-9])[0-9]{{8,10}}:AA{_WORD}{{33}}(?!{_WORD})")),
    ("AccountKey=", "Azure key", lazy_pattern("AccountKey=[A-Za-z0-9+/]{80,88}={0,2}")),
    ("eyJ", "JSON Web Token", _token(rf"eyJ{_WORD}{{10,2000}}[.]eyJ{_WORD}{{10,4000}}[.]{_WORD}+")),
)
"""The fixed part of each format, its name, and its pattern."""

_LEAST: Final = 15
"""No token is shorter."""
_PRIVATE_KEY: Final = lazy_pattern("-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_URL: Final = lazy_pattern(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/:@\"']{0,250}:([^\s/@\"']{1,250})@"
)

_CREDENTIAL_NAME: Final = lazy_pattern(
    "(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|APIKEY|CREDENTIALS?|REQUIREPASS|MASTERAUTH)"
    "(?=_|$)"
    "|(?:^|_)(?:PASS|PWD)(?=_|$)"
    "|(?:API|PRIVATE|ACCESS|SECRET|ENCRYPTION|SIGNING|MASTER|AUTH|LICENSE)_?KEY(?=_|$)"
    "|_SALT$"
)
_OTHER_MEANING: Final = lazy_pattern(
    "(?:^|_)(?:ADDR|ADDRESS|ALGORITHM|ALIAS|AUDIENCE|BACKEND|BUCKET|BYTES|CHARS|CLASS|COST|COUNT"
    "|DAYS|DIR|DIRECTORY|DISABLED|DOMAIN|DRIVER|EMAIL|ENABLED|ENDPOINT|EXPIRATION|EXPIRE|EXPIRES"
    "|EXPIRY|FIELD|FILE|FORMAT|HEADER|HOST|HOURS|ID|INTERVAL|ISSUER|KIND|LABEL|LENGTH|LIFETIME"
    "|LIMIT|LOCATION|MAX|METHOD|MIN|MINUTES|MODE|MS|NAMES?|PATH|POLICY|PORT|PREFIX|PROVIDER|REALM"
    "|REF|REGEX|REGION|REQUIRED|RESET|ROTATION|ROUNDS|SCOPES?|SECONDS|SERVER|SERVICE|SIZE|STORE"
    "|STRATEGY|TIMEOUT|TTL|TYPE|URI|URL|USER|USERNAME|VALIDITY|VERSION)(?=_|$)"
)
"""Words after which a name is about a credential, and does not hold one."""
_NO_CREDENTIAL: Final = lazy_pattern(
    r"(?:true|false|yes|no|on|off|none|null|[0-9]{1,2}|[^A-Za-z0-9]*"
    r"|[.]{0,2}/.*|[$%`<{(].*|[a-z]{1,20}:/?/.*)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
"""Values that are a switch, a number, a path, a URL, or a reference to something else."""
_CAMEL: Final = lazy_pattern("(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD: Final = lazy_pattern("[^A-Z0-9]+")


@lru_cache(maxsize=4096)
def is_credential_name(name: str) -> bool:
    """Return whether a variable or an option that is called `name` holds a credential."""
    words = _NO_WORD.sub("_", _CAMEL.sub("_", name[:200]).upper()).strip("_")
    found = [match.end() for match in _CREDENTIAL_NAME.finditer(words)]
    return bool(found) and not _OTHER_MEANING.search(words, found[-1])


def in_value(name: str, value: str) -> Found | None:
    """Return the credential in `value`, the value of what is called `name`."""
    found = in_text(value)
    if found is None and is_credential_name(name):
        start = len(value) - len(value.lstrip("\"' \t"))
        end = len(value.rstrip("\"' \t"))
        if start < end and not _NO_CREDENTIAL.fullmatch(value, start, end):
            return Found("name", "", start, end)
    return found


def in_text(text: str) -> Found | None:
    """Return the first credential that `text` contains and that is recognized by its form."""
    return next(_forms(text), None) if _is_searched(text) else None


def _is_searched(text: str) -> bool:
    return len(text) >= _LEAST or "://" in text


def _forms(text: str) -> Iterator[Found]:
    if not _is_searched(text):
        return
    if "PRIVATE KEY" in text:
        for match in _PRIVATE_KEY.finditer(text):
            yield Found("private-key", "private key", *match.span())
    for part, form, pattern in _TOKENS:
        if part in text:
            for match in pattern.finditer(text):
                yield Found("token", form, *match.span())
    if "://" in text:
        for match in _URL.finditer(text):
            if match[1][0] not in "$%<{":
                yield Found("url", "password in a URL", *match.span(1))


_ARGUMENT: Final = lazy_pattern(r"-{0,2}([A-Za-z_][A-Za-z0-9_.-]{0,100})(?:=(.*))?", re.DOTALL)
_HINT: Final = lazy_pattern(
    "pass|pwd|secret|token|key|credential|salt|auth|sql|maria", re.IGNORECASE
)
"""What each command with a credential by name contains."""
_MYSQL: Final = lazy_pattern("(?:.*/)?(?:mysql|mariadb)[a-z-]{0,12}")
_WORDS: Final = lazy_pattern(r"[^\s;|&()]+")


class Argument(msgspec.Struct, frozen=True):
    """A credential in the argument at `place` of a command; `name` is that of its option."""

    place: int
    name: str
    secret: str
    found: Found


def in_arguments(arguments: tuple[str, ...]) -> Iterator[Argument]:
    """Yield the credentials in the arguments of a command; a text for a shell is divided."""
    if not any(_HINT.search(argument) or in_text(argument) for argument in arguments):
        return
    words = [
        (index, match[0].strip("\"'"))
        for index, argument in enumerate(arguments)
        for match in _WORDS.finditer(argument)
    ]
    is_mysql = any(_MYSQL.fullmatch(word) for _, word in words)
    for (index, word), (next_index, next_word) in pairwise([*words, (0, "-")]):
        option = _ARGUMENT.fullmatch(word)
        name = option[1] if option else ""
        value, place = word, index
        if option and option[2] is not None:
            value = option[2].strip("\"'")
        elif option and word.startswith("-") and not next_word.startswith("-"):
            value, place = next_word, next_index
        elif is_mysql and word.startswith("-p") and len(word) > 2:
            name, value = "password", word[2:]
        else:
            name = ""
        found = in_value(name, value)
        if found:
            yield Argument(place, name, value[found.start : found.end], found)


# --- masking -------------------------------------------------------------------------------------

_NAMED: Final = lazy_pattern(
    r"(-{0,2})([A-Za-z_][A-Za-z0-9_.-]{0,200})([\"']?\s?[:=]\s*|[\"']?,?\s+)(?=\S)"
)
_OPEN: Final = lazy_pattern(
    r"\s*(?:-\s+)?[\"']?(?:(--?[A-Za-z_][A-Za-z0-9_.-]{0,200})[\"']?,?"
    r"|([A-Za-z_][A-Za-z0-9_.-]{0,200})[\"']?:\s*(?:[|>][0-9+-]{0,2})?)\s*(?:#.*)?"
)
"""A line that ends with the name of what the next line holds."""
_MYSQL_OPTION: Final = lazy_pattern(r"(?<![A-Za-z0-9-])-p([^\s\"',-][^\s\"',]*)")
_REFERENCE: Final = lazy_pattern(
    r"[?][^}]*\}.*|[\"']?(?:\$\{?[A-Za-z_][A-Za-z0-9_]*(?::?[?][^}]*)?\}?[\"']?\s*(?:#.*)?|[\[{&*|>#].*)"
)
_KEY_LINE: Final = lazy_pattern("[A-Za-z0-9+/]{40,80}={0,2}")
"""A line of a private key in PEM, RFC 7468."""
_MASK: Final = "*"
_KEPT: Final = "\"' \t"


def masked(line: str, previous: str = "") -> str:
    """Return a line of a file with each credential replaced by asterisks, for excerpts.

    `previous` is the line before it: it can hold the name of what this line holds. The line keeps
    its length. When in doubt, more is masked than needed.
    """
    hidden = [
        (found.start, len(line) if found.kind == "private-key" else found.end)
        for found in _forms(line)
    ]
    if _KEY_LINE.fullmatch(line.strip()):
        hidden.append((0, len(line)))
    if "mysql" in line or "mariadb" in line:
        hidden += [match.span(1) for match in _MYSQL_OPTION.finditer(line)]
    for match in _NAMED.finditer(line):
        is_assigned = match[3].strip("\"', \t") != ""
        if not match[1] and not is_assigned:
            continue
        if is_credential_name(match[2]) and not _REFERENCE.fullmatch(line, match.end()):
            hidden.append((match.end(), len(line)))
    opened = _OPEN.fullmatch(previous)
    is_deeper = _indent(line) > _indent(previous) or line.lstrip().startswith("- ")
    if opened and is_deeper and is_credential_name(opened[1] or opened[2]):
        hidden.append((len(line) - len(line.lstrip(" -")), len(line)))
    characters = list(line)
    for start, end in hidden:
        characters[start:end] = [c if c in _KEPT else _MASK for c in characters[start:end]]
    return "".join(characters)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
