"""A group of commands of which one is the default."""

from __future__ import annotations

import click


class DefaultGroup(click.Group):
    """A group that passes arguments to `default` unless they name another command."""

    default = ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = [self.default, *args]
        return super().parse_args(ctx, args)
