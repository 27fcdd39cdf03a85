from __future__ import annotations

import click
from click.testing import CliRunner

from policyd.cli.default_group import DefaultGroup


class Group(DefaultGroup):
    """Runs `show` by default."""

    default = "show"


@click.group(cls=Group)
def group() -> None:
    """A group."""


@group.command("show")
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Show."""
    click.echo(f"show {name}")


@group.command("other")
def other() -> None:
    """Other."""
    click.echo("other")


def test_arguments_go_to_the_default_command_unless_they_name_another() -> None:
    def output(*arguments: str) -> str:
        return CliRunner().invoke(group, arguments).output

    assert output() == "show None\n"
    assert output("x") == output("show", "x") == "show x\n"
    assert output("other") == "other\n"
    assert "Commands:" in output("--help")
