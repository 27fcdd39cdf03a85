"""Build the oracle on another version of compose-go, with the modules of a Compose release.

In: a version. Out: the path of a program. Docker Compose decides which YAML reader compose-go is
built with, so the versions come from the go.mod of github.com/docker/compose.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.conformance.oracle import SOURCE

COMPOSE_GO = "github.com/compose-spec/compose-go/v2"
DOCKER_COMPOSE = "github.com/docker/compose/v5"
_FROM_COMPOSE = (
    "github.com/mattn/go-shellwords",
    "github.com/santhosh-tekuri/jsonschema/v6",
    "go.yaml.in/yaml/v4",
)
"""The modules that decide what a project means; the oracle takes their versions from Compose."""
_REQUIREMENT = re.compile(r"^\s*(?:require\s+)?(\S+) (v\S+)", re.MULTILINE)
_SHOWN = (COMPOSE_GO, *_FROM_COMPOSE)


def build_on(version: str, folder: Path) -> Path:
    """Build the oracle on compose-go `version` in a folder below `folder`; return the program.

    Raises FileNotFoundError without Go, LookupError for a version that the module proxy does not
    have, CalledProcessError when the program does not build.
    """
    resolved = _resolved(version)
    place = folder / f"oracle-{resolved}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for path in (*SOURCE.glob("*.go"), SOURCE / "go.mod", SOURCE / "go.sum"):
        shutil.copy(path, place)
    required = compose_requirements(resolved)
    if not required:
        print(f"no release of Docker Compose has compose-go {resolved}; other modules are kept")
    wanted = [f"{COMPOSE_GO}@{resolved}", *(f"{name}@{v}" for name, v in required.items())]
    _go(place, "get", *wanted)
    _go(place, "mod", "tidy")
    _go(place, "build", "-o", "oracle", ".")
    return place / "oracle"


def compose_requirements(compose_go: str) -> dict[str, str]:
    """Return the versions, by module, of the newest Compose release with this compose-go.

    Only the modules that matter for loading are returned; {} when no release has `compose_go`.
    """
    for release in reversed(_versions(DOCKER_COMPOSE)):
        if "-" in release:
            continue
        answer = _go(SOURCE, "list", "-m", "-json", f"{DOCKER_COMPOSE}@{release}")
        text = Path(json.loads(answer)["GoMod"]).read_text()
        required = dict(_REQUIREMENT.findall(text))
        if required.get(COMPOSE_GO) == compose_go:
            return {name: required[name] for name in _FROM_COMPOSE if name in required}
    return {}


def describe(program: Path) -> str:
    """Return the versions of the modules that decide the answers of `program`, on one line."""
    answer = _go(program.parent, "version", "-m", str(program))
    built = {
        fields[1]: fields[2]
        for line in answer.splitlines()
        if len(fields := line.split()) > 2 and fields[0] == "dep"
    }
    return ", ".join(f"{name} {built[name]}" for name in _SHOWN if name in built)


def _resolved(version: str) -> str:
    known = _versions(COMPOSE_GO)
    if version == "latest":
        return next(one for one in reversed(known) if "-" not in one)
    wanted = version if version.startswith("v") else f"v{version}"
    if wanted not in known:
        raise LookupError(f"the module proxy has no {wanted}, but {', '.join(known[-5:])}")
    return wanted


def _versions(module: str) -> list[str]:
    return _go(SOURCE, "list", "-m", "-versions", module).split()[1:]


def _go(folder: Path, *words: str) -> str:
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError("go is not installed")
    done = subprocess.run([go, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout
