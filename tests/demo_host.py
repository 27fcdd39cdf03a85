"""Show the gate beside a real Docker daemon: `make demo-host`.

In: nothing; it needs root, docker.io, busybox-static and docker-compose. Out: what `docker compose
up` says of the denied examples and of the harmless one on a host in the mode enforce. The images
are replaced by an empty one, and no network is made. The exit code is 0 if every verdict is the one
that the name of the folder states, otherwise 1.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from tests.support.dockerd import IMAGE, Dockerd, compose_program, running

EXAMPLES = Path(__file__).parents[1] / "deploy" / "examples"
SHOWN = ("clean", "device-reservation/denied", "runtime-nvidia/denied", "raw-device-nodes/denied")


def override(project: Path) -> str:
    """Return a Compose file that replaces images and networks of the example in `project`."""
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    keys = f"{{image: '{IMAGE}', command: sleep 60, network_mode: none, build: !reset null, "
    keys += "networks: !reset [], ports: !reset [], pull_policy: never, "
    keys += "healthcheck: {test: [CMD, 'true'], interval: 1s}}"
    return "services:\n" + "".join(f"  {name}: {keys}\n" for name in services)


def show(dockerd: Dockerd, name: str, folder: Path) -> bool:
    """Run `docker compose up` on an example, print what it says, and return whether it started."""
    project = folder / name.replace("/", "-")
    shutil.copytree(EXAMPLES / name, project)
    (project / "override.yaml").write_text(override(project))
    for secret in (
        yaml.safe_load((project / "compose.yaml").read_text()).get("secrets", {}).values()
    ):
        (project / secret["file"]).write_text("of the demonstration\n")
    files = ("-f", "compose.yaml", "-f", "override.yaml")
    done = dockerd.run(
        compose_program(), "--progress", "plain", *files, "up", "--detach", cwd=project
    )
    print(f"\n$ cd deploy/examples/{name} && docker compose up --detach")
    print(done.output.strip())
    dockerd.run(compose_program(), *files, "down", "--timeout", "0", "--volumes", cwd=project)
    return done.code == 0


def main() -> int:
    """Show each example."""
    try:
        with (
            tempfile.TemporaryDirectory(
                prefix="pd", dir="/tmp", ignore_cleanup_errors=True
            ) as name,
            running(Path(name), runtimes={"nvidia": {"path": "/usr/sbin/runc"}}) as dockerd,
        ):
            compose_program()
            dockerd.start_policyd()
            dockerd.use_plugin()
            started = {example: show(dockerd, example, Path(name)) for example in SHOWN}
    except pytest.skip.Exception as error:
        print(f"demo-host: {error}", file=sys.stderr)
        return 1
    return int(any(done == name.endswith("/denied") for name, done in started.items()))


if __name__ == "__main__":
    sys.exit(main())
