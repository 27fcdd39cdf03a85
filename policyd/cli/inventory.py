"""`policyd inventory`: describe hosts for policies.

In: the drivers, the engine and the files of this machine, or data files. Out: a data file of a
policy set, or a table of what data files contain. `collect` runs without a Rego engine.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, Final

import click

from policyd.errors import ConfigError
from policyd.inventory.collection import collect as collect_host
from policyd.inventory.hosts import data_file
from policyd.inventory.machine import Machine

EPILOG: Final = """\b
Examples:
  policyd inventory collect --output gpu-01.yaml     on each host
  policyd inventory check gpu-01.yaml gpu-02.yaml
\b
Add the files to spec.data of a policy set. Grants then say what the host of a
review really gives, and gpu-driver-compatible reports what it cannot run.
`policyd schema data` prints the JSON Schema of the files. For NVIDIA GPUs
`collect` needs the package nvidia-ml-py: pip install 'policyd[inventory]'
"""


@click.group("inventory", epilog=EPILOG)
def command() -> None:
    """Describe the drivers and GPUs of hosts for policies."""


@command.command("collect")
@click.option(
    "--host", metavar="NAME", help="The name of this host in reviews. Default: its host name."
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default="/",
    show_default=True,
    help="Read /etc, /sys and /run below this folder: a host that is mounted in a container.",
)
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="The file to write; '-' is standard output.",
)
def collect(host: str | None, root: Path, output: str) -> int:
    """Write a data file that describes this machine.

    It holds the NVIDIA driver and GPUs, accelerators of AMD, Intel and Habana, the runtimes and the
    default runtime of the engine, CDI devices, and settings of the NVIDIA Container Toolkit.
    """
    text = data_file(host or socket.gethostname(), collect_host(Machine(root)))
    if output == "-":
        click.echo(text, nl=False)
        return 0
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error.strerror}") from error
    return 0


@command.command("check")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
def check(files: tuple[Path, ...]) -> int:
    """Check data files as a policy set does, and list their hosts."""
    from policyd.cli.output import show
    from policyd.formats.available import HOSTS
    from policyd.policies.packs import read_data
    from policyd.policies.policy_set import merge_data

    merged: dict[str, Any] = {}
    for file in files:
        merge_data(merged, read_data(file), file)
    show(merged, HOSTS)
    return 0
