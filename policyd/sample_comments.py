"""Read the first comment of a sample: what is expected of the policies, and the settings.

In: the file of a sample. Out: IDs of policies, and values. Errors: PolicySetError with the place.
"""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path
from typing import Final

from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.packs import read_text
from policyd.policies.yaml_documents import Value, documents
from policyd.suggestion import nearest

_EXPECT: Final = re.compile(r"# expect:((?: +[a-z0-9-]+)+) *(?:\n|$)")
_HEADER: Final = re.compile(r"(?:#.*\n)+")
_SETTING: Final = re.compile(r"# *([a-z]+) *: *")
_SETTINGS: Final = ("constraints", "host")


def expected_policies(sample: Path, text: str, policies: Container[str]) -> list[str]:
    """Return the sorted IDs of the violations that the first line of `text` states.

    Raises PolicySetError if it states none, and for an ID that is not among `policies`.
    """
    said = _EXPECT.match(text)
    if not said:
        raise PolicySetError(
            "a sample must begin with the line `# expect: <policy id> …` or `# expect: nothing`",
            Location(str(sample), 1, 1),
        )
    expected = sorted(said[1].split())
    if expected == ["nothing"]:
        return []
    for name in expected:
        if name not in policies:
            raise PolicySetError(f"unknown policy {name!r}", Location(str(sample), 1, 1))
    return expected


def sample_settings(sample: Path) -> dict[str, Value]:
    """Return the settings `constraints` and `host` in the first comment of a sample.

    Raises PolicySetError for a value that is not valid YAML, and for a name that resembles one of
    these: without it, the sample would be evaluated in another way. Other comments are free.
    """
    header = _HEADER.match(read_text(sample))
    found: dict[str, Value] = {}
    for line, text in enumerate(header[0].splitlines() if header else ()):
        setting = _SETTING.match(text)
        if setting is None:
            continue
        name = setting[1]
        if name in _SETTINGS and text.startswith(f"# {name}:"):
            for value in documents(text[setting.end() :], str(sample), (line, setting.end())):
                found[name] = value
        elif near := nearest(name, _SETTINGS):
            raise PolicySetError(
                f"unknown setting {setting[0].strip()!r}; did you mean '# {near}:'?",
                Location(str(sample), line + 1, 1),
            )
    return found
