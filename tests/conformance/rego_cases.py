"""The compliance cases of OPA, evaluated by the embedded engine after our loading.

The cases are read from the Go module of OPA, below v1/test/cases; nothing of them is kept. A case
ends as OPA says ("equal"), as an error of the lint or of the compilation ("refused"), or as an
error of the evaluation, which is a denial ("refused at run time"). Anything else is "different".
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from policyd.engines.embedded import explain, interpreter
from policyd.errors import PolicySetError
from policyd.policies.cycles import dependency_problems
from policyd.policies.lint import compiles, problems
from policyd.policies.syntax_tree import parse

VERSION = "v1.22.2"
"""The version of OPA with which the embedded engine was compared."""

EQUAL, REFUSED, AT_RUN_TIME, DIFFERENT = "equal", "refused", "refused at run time", "different"


class Outcome(NamedTuple):
    """How a case ended. `found` is the result, or the reason of a refusal."""

    group: str
    note: str
    kind: str
    found: Any


def folder() -> Path:
    """Return the folder of the cases. Raises FileNotFoundError without Go."""
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError("go is not installed")
    module = f"github.com/open-policy-agent/opa@{VERSION}"
    done = subprocess.run(
        [go, "mod", "download", "-json", module], check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(json.loads(done.stdout)["Dir"]) / "v1/test/cases/testdata/v1"


def outcomes(root: Path) -> Iterator[Outcome]:
    """Yield the outcome of each case below `root`."""
    for file in sorted(root.rglob("*.yaml")):
        document = _with_text_keys(yaml.load(file.read_text(), Loader=_Loader))
        for case in document["cases"]:
            kind, found = _outcome(case)
            yield Outcome(file.parent.name, case["note"], kind, found)


def table(found: Iterable[Outcome]) -> str:
    """Return the number of outcomes by group of cases and kind, as a table."""
    counts = Counter((outcome.group, outcome.kind) for outcome in found)
    kinds = (EQUAL, REFUSED, AT_RUN_TIME, DIFFERENT)
    totals = [sum(n for (_, one), n in counts.items() if one == kind) for kind in kinds]
    rows = [("GROUP", *(kind.upper() for kind in kinds))]
    for group in sorted({group for group, _ in counts}):
        rows.append((group, *(str(counts[group, kind]) for kind in kinds)))
    rows.append(("total", *map(str, totals)))
    return "\n".join(f"{row[0]:36}" + "".join(f"{cell:>21}" for cell in row[1:]) for row in rows)


def _outcome(case: dict[str, Any]) -> tuple[str, Any]:
    wants_error = "want_error" in case or "want_error_code" in case
    try:
        found = _evaluated(case)
    except PolicySetError as error:
        return EQUAL if wants_error else REFUSED, error.message
    except RuntimeError as error:
        return EQUAL if wants_error else AT_RUN_TIME, explain(error)[0]
    if wants_error:
        return DIFFERENT, found
    if "want_result" not in case:
        return EQUAL if bool(found) == case["want_defined"] else DIFFERENT, found
    in_order = bool(case.get("sort_bindings"))
    wanted = _canonical(case["want_result"], in_order)
    return EQUAL if _canonical(found, in_order) == wanted else DIFFERENT, found


def _evaluated(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the bindings of the query. Raises PolicySetError for what our loading refuses."""
    modules = {f"{n}.rego": text for n, text in enumerate(case.get("modules") or [])}
    data = case.get("data") or {}
    parsed = {name: parse(name, text) for name, text in modules.items()}
    query = parse("query.rego", f"package query\n\nq if {{\n\t{case['query']}\n}}\n")
    linted = {**parsed, "query.rego": query}
    for problem in (
        *dependency_problems(parsed),
        *problems(linted, linted, data, knows_input=False),
    ):
        raise problem
    compiles(modules, data)
    engine = interpreter(modules, data)
    if "input_term" in case:
        engine.set_input_json(case["input_term"])
    elif "input" in case:
        engine.set_input_json(json.dumps(case["input"]))
    answer = json.loads(engine.eval_query_as_json(case["query"]))
    return [row.get("bindings", {}) for row in answer.get("result", [])]


def _canonical(bindings: list[dict[str, Any]], is_sorted: bool) -> list[str]:
    rows = _sorted(bindings) if is_sorted else bindings
    return sorted(_text(_whole(row)) for row in rows)


def _sorted(value: Any) -> Any:
    """Return `value` with every list sorted: a case may leave the order open."""
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=_text)
    if isinstance(value, dict):
        return {key: _sorted(below) for key, below in value.items()}
    return value


def _whole(value: Any) -> Any:
    """Return `value` with 1 in place of 1.0, which are one number in Rego."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(below) for key, below in value.items()}
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else json.dumps(key): _with_text_keys(below)
            for key, below in value.items()
        }
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


class _Loader(yaml.SafeLoader):
    """Reads scalars as the YAML library of OPA does: `on` is a string, and so is a date."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, re.compile("^(?:true|false)$") if tag.endswith(":bool") else pattern)
        for tag, pattern in resolvers
        if not tag.endswith(":timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
