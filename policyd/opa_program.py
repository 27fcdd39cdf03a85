"""Run the program `opa`, where it is installed.

In: Rego modules by name, data, and what to do with them. Out: the errors of `opa check`, the
results of `opa test`, or the result of a query. Errors: ConfigError when there is no `opa` on the
PATH, or when it ends without an answer. Source: the manual of OPA 1.22.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from policyd.errors import ConfigError, PolicySetError
from policyd.model import Location, to_json

_SECONDS: Final = 300.0
"""The longest time that OPA may take. It checks all built-in policies in half a second."""


def check(modules: Mapping[str, str], schema: Mapping[str, Any] | None) -> list[PolicySetError]:
    """Return the errors of a strict compilation of `modules`, by name, with a schema of the input.

    The file of each error is the name of the module.
    """
    with _folder(modules) as folder:
        options = []
        if schema is not None:
            (folder / "schema.json").write_bytes(to_json(schema))
            options = ["--schema", "schema.json"]
        answer = _answer(folder, "check", "--strict", *options, "--format", "json", "modules")
    return [_error(found) for found in answer.get("errors", [])]


def test(modules: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, str]:
    """Return the reason of the failure of each test rule in `modules`, "" for a passed test.

    The names of the rules are full paths, such as data.policyd.policies.x_test.test_y.
    """
    with _folder(modules, data) as folder:
        answer = _answer(folder, "test", "--format", "json", "modules", "data.json")
    return {f"{result['package']}.{result['name']}": _reason(result) for result in answer}


def evaluate(modules: Mapping[str, str], data: Mapping[str, Any], query: str) -> Any:
    """Return the value of `query`. Errors of built-in functions are errors.

    Raises ConfigError with the message of OPA when the evaluation fails.
    """
    with _folder(modules, data) as folder:
        options = ["--strict-builtin-errors", "--format", "json", "--data", "modules"]
        answer = _answer(folder, "eval", *options, "--data", "data.json", query)
    if answer.get("errors"):
        raise ConfigError(f"opa: {_error(answer['errors'][0])}")
    results = answer.get("result", [])
    return results[0]["expressions"][0]["value"] if results else None


@contextmanager
def _folder(modules: Mapping[str, str], data: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """Write `modules` and `data` into a folder, and remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="policyd-opa-") as name:
        folder = Path(name)
        for number, (module, text) in enumerate(modules.items()):
            suffix = "_test.rego" if module.endswith("_test.rego") else ".rego"
            file = folder / "modules" / f"{number}{suffix}"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        (folder / "names.json").write_text(json.dumps(list(modules)))
        if data is not None:
            (folder / "data.json").write_bytes(to_json(data))
        yield folder


def _answer(folder: Path, *arguments: str) -> Any:
    program = shutil.which("opa")
    if program is None:
        raise ConfigError("there is no program opa on the PATH; install OPA")
    try:
        done = subprocess.run(  # noqa: S603 (policyd chooses all arguments)
            [program, *arguments], cwd=folder, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"opa {arguments[0]} exceeded {_SECONDS:g} seconds") from None
    output = done.stdout.strip() or done.stderr.strip()
    if not output and done.returncode == 0:
        return {}
    try:
        answer = json.loads(output)
    except ValueError:
        shown = " ".join(output.decode("utf-8", "replace").split())[:500]
        raise ConfigError(f"opa {arguments[0]} failed: {shown}") from None
    return _named(answer, json.loads((folder / "names.json").read_text()))


def _named(answer: Any, names: Sequence[str]) -> Any:
    """Return `answer` with the names of modules in place of the numbers of their files."""
    if isinstance(answer, list):
        return [_named(item, names) for item in answer]
    if not isinstance(answer, dict):
        return answer
    named = {key: _named(below, names) for key, below in answer.items()}
    file = answer.get("file")
    if isinstance(file, str) and file.startswith("modules/"):
        number = Path(file).name.partition(".")[0].removesuffix("_test")
        named["file"] = names[int(number)]
    return named


def _error(found: Mapping[str, Any]) -> PolicySetError:
    place = found.get("location") or {}
    where = Location(place["file"], place["row"], place["col"]) if place.get("file") else None
    return PolicySetError(f"OPA reports: {found['message']}", where)


def _reason(result: Mapping[str, Any]) -> str:
    if result.get("error"):
        return str(result["error"].get("message", result["error"]))
    return "the rule is not true" if result.get("fail") else ""
