"""`policyd inventory`: the hosts and GPUs that policies know.

In: the NVIDIA driver of this machine, or data files. Out: a data file of a policy set, or what is
in one. `collect` loads no Rego engine: it runs where there is none.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from policyd.errors import ConfigError
from policyd.formats.table import table, visible
from policyd.inventory import nvml
from policyd.inventory.hosts import data_file, describe

HEADER: Final = ("HOST", "DRIVER", "CUDA", "GPU", "UUID", "MODEL")

EPILOG: Final = """\b
Examples:
  policyd inventory collect --output gpu-01.yaml     on each host
  policyd inventory check gpu-01.yaml gpu-02.yaml
\b
Name the files in spec.data of a policy set. The policy gpu-driver-compatible
then reports what the host of a review cannot run. `policyd schema data` is
their JSON Schema. `collect` needs the package nvidia-ml-py:
  pip install 'policyd[inventory]'
"""


@click.group("inventory", epilog=EPILOG)
def command() -> None:
    """Tell policies which host has which driver and GPUs."""


@command.command("collect")
@click.option(
    "--host", metavar="NAME", help="The name that reviews give this host. Default: its host name."
)
@click.option(
    "-o",
    "--output",
    default="-",
    show_default=True,
    metavar="FILE",
    help="Where to write; '-' is standard output.",
)
def collect(host: str | None, output: str) -> int:
    """Write the driver and the GPUs of this machine as a data file."""
    text = data_file(host or socket.gethostname(), describe(nvml.read()))
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
    """Read data files as a policy set does, and list their hosts."""
    from policyd.policies.packs import read_data
    from policyd.policies.policy_set import merge_data

    merged: dict[str, Any] = {}
    for file in files:
        merge_data(merged, read_data(file), file)
    click.echo("\n".join(table(HEADER, list(_rows(merged)))))
    return 0


def _rows(data: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each GPU of each host in `data`, one for a host without a GPU."""
    hosts = data["policyd"].get("inventory", {}).get("hosts", {})
    for name, host in sorted(hosts.items()):
        for gpu in host["gpus"] or [{"index": "", "uuid": ""}]:
            yield tuple(
                visible(str(cell))
                for cell in (
                    name,
                    host["driver_version"],
                    host["cuda_version"],
                    gpu["index"],
                    gpu["uuid"],
                    gpu.get("name", ""),
                )
            )
