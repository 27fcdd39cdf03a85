"""A recorded answer of `docker compose config`, and the bundle with the same project.

In: a txtar file (`case.json`, `project/…`, `expected.json` or `expected-error.txt`). Out: a `Case`.
The recordings were made in the folder /project, with HOME=/home/user, by docker compose 5.7.1
(compose-go v2.16.2, go.yaml.in/yaml v4.0.0).
"""

from __future__ import annotations

import base64
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policyd.bundle import MemoryFiles
from policyd.model import Bundle
from tests.conformance import txtar
from tests.conformance.comparison import Number, parse_json

CASES = Path(__file__).parent / "cases"
ROOT = "/project"
CALLER = {"HOME": "/home/user", "PATH": "/usr/local/bin:/usr/bin:/bin"}


@dataclass(frozen=True)
class Case:
    """A project, how Compose was called on it, and its answer.

    `files` maps paths relative to the folder of the project to contents. `config` is the printed
    model, or None where Compose refused the project with `error`.
    """

    name: str
    files: dict[str, bytes]
    options: Mapping[str, Any] = field(default_factory=dict)
    config: dict[str, Any] | None = None
    error: str = ""

    def bundle(self) -> Bundle:
        """Return the bundle for the loader: the files in /project, and how Compose was called."""
        profiles = self.options.get("profiles", ["*"])
        directory = self.options.get("project_directory", "")
        return Bundle(
            files=MemoryFiles(self.files, ROOT),
            working_directory=ROOT,
            compose_files=tuple(_absolute(name) for name in self.options.get("files", ())),
            env_files=tuple(_absolute(name) for name in self.options.get("env_files", ())),
            project_directory=directory and posixpath.normpath(_absolute(directory)),
            project_name=self.options.get("project_name", ""),
            profiles=tuple(profiles) or None,
            environment=CALLER | self.options.get("env", {}),
        )

    def archive(self) -> bytes:
        """Return the case as a txtar file, with what is not UTF-8 in `base64` of case.json."""
        texts = {f"project/{path}": content for path, content in sorted(self.files.items())}
        raw, binary = {}, {}
        for path, content in texts.items():
            if not _is_text(content):
                binary[path] = base64.b64encode(content).decode()
            elif b"\r" in content or not content.endswith(b"\n"):
                raw[path] = content.decode()
        options = dict(self.options)
        options |= {key: value for key, value in (("raw", raw), ("base64", binary)) if value}
        files = {"case.json": _json_text(options)}
        if self.config is not None:
            files["expected.json"] = _json_text(self.config)
        if self.error:
            files["expected-error.txt"] = self.error.encode()
        return txtar.render(
            files | {path: texts[path] for path in texts if path not in raw | binary}
        )


def read_case(path: Path) -> Case:
    """Return the case in the txtar file at `path`. Its name is area/file."""
    parts = txtar.parse(path.read_bytes())
    options = json.loads(parts["case.json"])
    raw = {path: text.encode() for path, text in options.pop("raw", {}).items()}
    raw |= {path: base64.b64decode(text) for path, text in options.pop("base64", {}).items()}
    files = {
        path.removeprefix("project/"): content
        for path, content in (parts | raw).items()
        if path.startswith("project/")
    }
    expected = parts.get("expected.json")
    return Case(
        name=f"{path.parent.name}/{path.stem}",
        files=files,
        options=options,
        config=None if expected is None else parse_json(expected),
        error=parts.get("expected-error.txt", b"").decode(),
    )


def all_cases(folder: Path = CASES) -> Iterator[Case]:
    """Yield every case below `folder`, by name."""
    for path in sorted(folder.glob("*/*.txtar")):
        yield read_case(path)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _absolute(name: str) -> str:
    return name if "://" in name else posixpath.join(ROOT, name)


def _json_text(value: Any) -> bytes:
    text = json.dumps(_numbers(value), indent=1, sort_keys=True, ensure_ascii=False)
    return text.encode() + b"\n"


def _numbers(value: Any) -> Any:
    if isinstance(value, Number):
        return float(value) if "." in value or "e" in value else int(value)
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, list) else value
