"""The table of formats: complete, and what `--format` of each command offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from policyd.cli import main
from policyd.formats import available
from tests.support.cases import cases

OFFERED = {
    "check": "REPORT",
    "review": "REPORT",
    "config": "EFFECTIVE_MODEL, POLICY_INPUT",
    "policies list": "POLICY_SET",
    "policies show": "POLICY_SET, POLICY",
    "baseline check": "BASELINE",
    "exceptions list": "EXCEPTIONS",
    "eval": "REEVALUATION",
    "test": "REGO_TESTS",
    "audit list": "DECISIONS",
    "audit events": "EVENTS",
    "audit export": "EXPORT",
    "audit show": "DECISION",
    "audit grants": "GRANTS",
    "audit gpus": "DEVICES",
    "audit usage": "USAGE",
    "hooks list": "PUSHES",
    "host check": "HOST_CHECKS",
    "host diff": "HOST_DIFFERENCE",
    "token list": "TOKENS",
    "issuers list": "REPOSITORIES",
    "audit policy-set": "POLICY_SET_IN_FORCE",
    "audit verify": "VERIFICATION, PROOFS",
    "receipt verify": "RECEIPT",
    "receipt inspect": "RECEIPT",
}
"""The tables that each command with --format chooses from."""
ALWAYS = {
    "EXCEPTION_REQUEST": ["text"],
    "EXPLAINABLE": ["text"],
    "EXPLANATION": ["text"],
    "FIX_REPORT": ["text"],
    "HOSTS": ["text"],
    "LINT_PROBLEMS": ["text"],
    "POLICY_TRACE": ["text"],
    "SCHEMA": ["json"],
}
"""The documents that are printed in one format, without --format."""


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def tables() -> dict[str, Mapping[str, object]]:
    return {name: table for name, table in vars(available).items() if name.isupper()}


def test_each_command_with_a_format_offers_the_formats_of_what_it_prints() -> None:
    offered = {
        path: list(option.type.choices)
        for path, command in commands(main)
        for option in command.params
        if option.name == "form" and isinstance(option.type, click.Choice)
    }
    known = {
        path: [*dict.fromkeys(form for name in names.split(", ") for form in tables()[name])]
        for path, names in OFFERED.items()
    }

    assert offered == known


def test_each_kind_of_document_is_printed_by_a_command() -> None:
    named = {name for names in OFFERED.values() for name in names.split(", ")}

    assert named | set(ALWAYS) == set(tables())
    assert {name: list(tables()[name]) for name in ALWAYS} == ALWAYS


@cases("name", sorted(tables()))
def test_a_format_has_one_name_and_one_function(name: str) -> None:
    assert len(set(tables()[name].values())) == len(tables()[name])
