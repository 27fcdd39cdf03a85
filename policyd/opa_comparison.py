"""Compare the embedded engine with the program `opa`: compilation, tests and samples.

In: a policy set, or folders of policies. Out: the errors of OPA's strict compilation, or a report
of tests in which each test that ends differently fails. Errors: ConfigError without the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from policyd import json_schemas, opa_program
from policyd.engines import QUERY, decode
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import PolicydError, PolicySetError
from policyd.host_resolver import HostResolver
from policyd.model import Finding, to_json
from policyd.policies.packs import is_plain, package_of
from policyd.policies.policy_set import rego_of
from policyd.policies.problems import Problems
from policyd.policies.router import ROUTER
from policyd.rego_tests import Sources, TestReport, TestResult, sample_input, sources

_SCHEMA_LINE: Final = re.compile(r"^(#[^\n]*:[ \t]*)schema[.]input(?=[ \t]*$)", re.MULTILINE)
_SAMPLES: Final = "policyd_samples"
_ALL: Final = (
    f"{{name: result | some name, document in data.{_SAMPLES}; "
    f"result := {QUERY} with input as document}}"
)


def strict_problems(path: Path | None) -> list[PolicySetError]:
    """Return the errors of a strict compilation of the policy set or the pack in `path` by OPA.

    References to the input, and to parameters of constraints, are checked with their schema, except
    those of plain conftest rules. METADATA may name that schema, or hold others, in `schemas`.
    """
    try:
        modules, folders, known = rego_of(path)
    except PolicySetError:
        return []  # the lint reports it
    policies = {
        name: _with_root_schema(text)
        for name, text in modules.items()
        if not is_plain(package_of(text)) and name != ROUTER
    }
    found = opa_program.check(policies, json_schemas.policy_input(known))
    if len(policies) + 1 < len(modules):
        found += opa_program.check(modules, None)
    return Problems(found).placed(folders).in_order()


def _with_root_schema(text: str) -> str:
    """Return a module in which METADATA names the schema of the input as OPA knows it.

    A schema in one file, which OPA uses for all references to the input, has the name `schema`.
    """
    return _SCHEMA_LINE.sub(lambda found: f"{found[1]}schema{' ' * len('.input')}", text)


def compared(report: TestReport, paths: Sequence[Path]) -> TestReport:
    """Return `report`, in which each test that ends differently in OPA fails."""
    tested = sources(paths)
    rules = opa_program.test(tested.texts, tested.data)
    samples = _differing(tested)
    return msgspec.structs.replace(
        report, tests=[_compared(result, rules, samples) for result in report.tests]
    )


def _compared(result: TestResult, rules: dict[str, str], samples: dict[str, str]) -> TestResult:
    message = samples.get(result.name, "")
    if result.name in rules and bool(rules[result.name]) != bool(result.message):
        ours = result.message or "passed"
        message = f"the engines differ: embedded: {ours}; OPA: {rules[result.name] or 'passed'}"
    if not message:
        return result
    return msgspec.structs.replace(result, message=message)


def _differing(tested: Sources) -> dict[str, str]:
    """Return, by sample, how the findings of the engines differ."""
    inputs: dict[str, bytes] = {}
    hosts = HostResolver(tested.sample_data)
    for sample in tested.samples:
        try:
            inputs[str(sample)] = sample_input(sample, tested.policies.values(), hosts)
        except PolicydError:
            continue  # the report has the reason
    if not inputs:
        return {}
    documents = {name: msgspec.Raw(document) for name, document in inputs.items()}
    data = {**tested.sample_data, _SAMPLES: documents}
    answers = opa_program.evaluate(tested.modules, data, _ALL) or {}
    engine = EmbeddedEngine(tested.modules, tested.sample_data)
    try:
        return {
            name: message
            for name, document in inputs.items()
            if (message := _difference(engine, document, answers.get(name)))
        }
    finally:
        engine.close()


def _difference(engine: EmbeddedEngine, document: bytes, answer: object) -> str:
    try:
        ours = _texts(engine.findings(document).findings)
    except PolicydError:
        return ""  # the report has the reason
    if answer is None:
        return "the engines differ: OPA has no result"
    theirs = _texts(decode(to_json(answer)).findings)
    if ours == theirs:
        return ""
    only = [f"only embedded: {text}" for text in sorted(ours - theirs)]
    only += [f"only OPA: {text}" for text in sorted(theirs - ours)]
    return f"the engines differ: {'; '.join(only)}"


def _texts(findings: Iterable[Finding]) -> set[str]:
    return {f"{finding.policy}: {finding.msg}" for finding in findings}
