"""`policyd host`: the gate on a host with accelerators."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd.cli.options import close_at_end, settings, settings_options
from policyd.cli.output import format_option, show
from policyd.config import Settings, default_audit
from policyd.formats.available import HOST_CHECKS, HOST_DIFFERENCE
from policyd.host.runtime_install import DEFAULT_PATH

EPILOG: Final = """\b
Examples:
  policyd host serve --config /etc/policyd/policyd.toml
\b
The table [host] of the settings file has the name of the host, the mode and
the sockets. In daemon.json of Docker, the plugin has the name of the socket:
  {"authorization-plugins": ["policyd"]}
\b
While policyd does not answer, the daemon refuses every request. SIGHUP reads
the settings and the policy set again.
"""


RUNTIME_EPILOG: Final = """\b
Examples:
  policyd host install-runtime
  policyd host install-runtime --path /usr/local/sbin/policyd-runtime --runtime /usr/bin/crun
\b
With the runtime of NVIDIA as the default runtime of Docker, name the file as
its first low-level runtime, so that it sees what that runtime adds:
  nvidia-ctk config --in-place --set nvidia-container-runtime.runtimes=FILE
"""


@click.group("host")
def command() -> None:
    """Guard the Docker daemon of this host, and check what guards it."""


@command.command("serve", epilog=EPILOG)
@settings_options("policy_set", "audit")
def serve_command(**options: Any) -> int:
    """Run Docker's authorization plugin on a unix socket."""
    from policyd.host.serve import serve

    config = options["config"] or os.environ.get("POLICYD_CONFIG", "")
    serve(_audited(**options), functools.partial(_audited, **options), config)
    return 0


def _audited(**options: Any) -> Settings:
    """Return the settings with an audit log. Raises ConfigError."""
    read = settings(**options)
    return read if read.audit else msgspec.structs.replace(read, audit=default_audit(os.environ))


@command.command("install-runtime", epilog=RUNTIME_EPILOG)
@settings_options()
@click.option(
    "--path", default=DEFAULT_PATH, show_default=True, metavar="FILE", help="File to write."
)
@click.option(
    "--runtime", metavar="FILE",
    help="Real runtime that creates the containers. Default: runc of this machine.",
)  # fmt: skip
def install_runtime_command(config: str | None, path: str, runtime: str | None) -> int:
    """Write policyd-runtime, an OCI runtime that asks the gate before it creates a container.

    It shows the gate what the kernel would really give to the container: device numbers, mounts,
    hooks and the variables of its image. It hands all other commands to the real runtime at once.
    """
    from policyd.host.runtime_install import default_runtime, install

    real = default_runtime() if runtime is None else runtime
    install(path, real, settings(config).host.socket)
    click.echo(f"wrote {path}, which runs {real}; in daemon.json of Docker:")
    click.echo(
        f'  {{"runtimes": {{"policyd": {{"path": "{path}"}}}}, "default-runtime": "policyd"}}'
    )
    return 0


@command.command("check")
@settings_options()
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default="/",
    show_default=True,
    help="Read /etc below this folder: a host that is mounted in a container.",
)
@format_option(HOST_CHECKS)
def check_command(config: str | None, root: Path, form: str) -> int:
    """Check the settings of this host that would make its gate incomplete.

    Each unsafe setting comes with the reason and with what to change. Exit codes: 0 none is unsafe,
    1 some are. What cannot be read, for lack of rights or because it is not installed, is unknown.
    """
    from policyd.host.safety import checks
    from policyd.inventory.machine import Machine

    plugin = Path(settings(config).host.socket).name.removesuffix(".sock")
    found = checks(Machine(root), plugin)
    show(found, HOST_CHECKS, form)
    return 1 if any(one.state == "unsafe" for one in found) else 0


@command.command("diff")
@settings_options("policy_set", "audit")
@format_option(HOST_DIFFERENCE)
def diff_command(form: str, **options: Any) -> int:
    """Compare the running containers of this host with its grants.

    Grants are those of the audit log, of the webhook `host.grants_url`, and of receipts. It lists
    containers with accelerators that no active grant covers, and grants that no running container
    uses, those of receipts excepted. Exit codes: 0 each container is covered, 1 some are not.
    """
    from policyd.bootstrap import build
    from policyd.host.difference import difference_of
    from policyd.host.serve import named

    read = _audited(**options)
    services = build(read)
    close_at_end(services)
    found = difference_of(services, named(read.host))
    show(found, HOST_DIFFERENCE, form)
    return 1 if found.uncovered else 0
