"""Evaluate a query or a policy on an input document.

In: a policy set, the input of policies as JSON, and a query. Out: values and printed lines. Errors:
EngineError for a query that fails.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from policyd.engines.embedded import explain, interpreter
from policyd.errors import EngineError
from policyd.policies.policy_set import PolicySet

_QUERY: Final = "<query.rego>"
"""The name that regorus gives to a query."""


class Evaluation(msgspec.Struct, frozen=True):
    """The values of a query, and what `print` wrote."""

    values: list[Any]
    printed: tuple[str, ...]


def evaluate(policy_set: PolicySet, document: bytes, query: str) -> Evaluation:
    """Return the values of `query` with the input `document`."""
    try:
        engine = interpreter(policy_set.modules, policy_set.data)
        engine.set_gather_prints(True)
        engine.set_input_json(document.decode())
        answer = msgspec.json.decode(engine.eval_query_as_json(query))
        printed = tuple(engine.take_prints())
    except RuntimeError as error:
        raise EngineError(_reason(error)) from None
    rows = answer.get("result", [])
    return Evaluation([_value(row) for row in rows], printed)


def model_input(document: bytes) -> bytes:
    """Return the input of plain conftest rules: the effective model and the input of policies."""
    content = msgspec.json.decode(document)
    return msgspec.json.encode({**content["project"], **content})


def _reason(error: RuntimeError) -> str:
    """Return the sentence about an error of regorus, with its place if it is not in the query."""
    sentence, where = explain(error)
    if where is None or where.file != _QUERY:
        return f"{where}: {sentence}" if where else sentence
    if sentence.strip() == "expecting":  # regorus names the end of the text by nothing
        return "the query is not valid Rego: it ends too early"
    return f"the query is not valid Rego: column {where.column}: {sentence}"


def _value(row: dict[str, Any]) -> Any:
    """Return the variables that a query binds, or the value of its last expression."""
    return row.get("bindings") or row["expressions"][-1]["value"]
