"""Propose the files by which a repository adopts policyd, after a look at it.

In: the root of a repository. Out: texts by path, and what the user adds to files that exist.
Nothing is written here. Errors: BundleError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import yaml

from policyd import __version__
from policyd.adoption.repository_file import FILE_NAME
from policyd.discovery.search import FoundProject, find_projects
from policyd.model import API_VERSION

Forge = Literal["github", "gitlab", "azure", "jenkins", "none"]

SOURCE: Final = "https://policyd.example/policyd"
"""Where the source of policyd is: see pyproject.toml."""
PRE_COMMIT: Final = ".pre-commit-config.yaml"
FORGE_FILES: Final[dict[str, Forge]] = {
    ".github": "github",
    ".gitlab-ci.yml": "gitlab",
    "azure-pipelines.yml": "azure",
    "Jenkinsfile": "jenkins",
}
"""What the root of a repository has, and the forge that this shows."""
ENVIRONMENTS: Final = frozenset(
    (
        *("prod", "production", "live", "stage", "staging", "preprod", "preview", "qa", "uat"),
        *("dev", "devel", "development", "test", "testing"),
    )
)
"""Words in the name of an overlay that are the name of an environment."""

CHECKOUT: Final = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
INSTALL: Final = f"pipx run --spec policyd=={__version__} policyd"

_HOOK: Final = f"""\
  - repo: {SOURCE}
    rev: v{__version__}
    hooks:
      - id: policyd
        args: []
"""
_GITHUB: Final = f"""\
name: policyd
on: [pull_request]

concurrency:
  group: ${{{{ github.workflow }}}}-${{{{ github.ref }}}}
  cancel-in-progress: true

permissions:
  contents: read

jobs:
  check:
    name: Evaluate the Compose projects
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: 0
          persist-credentials: false
      - name: Evaluate the Compose projects
        run: {INSTALL} check --format github
"""
_GITLAB: Final = f"""\
policyd:
  stage: test
  image: python:3.13-slim
  script:
    - pip install policyd=={__version__}
    - policyd check --report gitlab=policyd.json
  artifacts:
    when: always
    reports:
      codequality: policyd.json
"""
_AZURE: Final = f"""\
- script: |
    pip install policyd=={__version__}
    policyd check --report junit=policyd.xml
  displayName: Evaluate the Compose projects
- task: PublishTestResults@2
  condition: always()
  inputs:
    testResultsFiles: policyd.xml
"""
_JENKINS: Final = f"""\
stage('policyd') {{
    steps {{
        sh 'python3 -m venv .policyd && .policyd/bin/pip install policyd=={__version__}'
        sh '.policyd/bin/policyd check --report junit=policyd.xml'
    }}
    post {{
        always {{
            junit 'policyd.xml'
        }}
    }}
}}
"""
_WORKFLOW: Final = ".github/workflows/policyd.yml"
_STEPS: Final[dict[Forge, tuple[str, str]]] = {
    "gitlab": (".gitlab-ci.yml", _GITLAB),
    "azure": ("azure-pipelines.yml", _AZURE),
    "jenkins": ("Jenkinsfile", _JENKINS),
}


class FirstFiles(msgspec.Struct, frozen=True):
    """`written` are new files by path from the root, `added` texts to add to files that exist.

    `existing` are files that are there already and that nothing is proposed for. `projects` counts
    the projects and combinations that a search finds.
    """

    written: dict[str, str] = {}
    added: dict[str, str] = {}
    existing: tuple[str, ...] = ()
    projects: int = 0
    forge: Forge = "none"


def first_files(root: str, forge: Forge | None = None) -> FirstFiles:
    """Return what the repository at `root` needs. `forge` overrides the one that it shows."""
    projects = list(find_projects(root))
    chosen = forge or _forge(root)
    proposed = {FILE_NAME: _repository_file(root, projects), PRE_COMMIT: f"repos:\n{_HOOK}"}
    added: dict[str, str] = {}
    if chosen == "github":
        proposed[_WORKFLOW] = _GITHUB
    elif chosen in _STEPS:
        name, text = _STEPS[chosen]
        proposed[name] = text
    existing = [name for name in proposed if os.path.lexists(os.path.join(root, name))]
    written = {name: text for name, text in proposed.items() if name not in existing}
    for name in existing:
        if name not in (FILE_NAME, _WORKFLOW) and not _mentions_policyd(root, name):
            added[name] = _HOOK if name == PRE_COMMIT else proposed[name]
    for name in ("azure-pipelines.yml", "Jenkinsfile"):
        if name in written:  # steps alone are no pipeline
            added[name] = written.pop(name)
    rest = tuple(name for name in existing if name not in added)
    return FirstFiles(written, added, rest, len(projects), chosen)


def _forge(root: str) -> Forge:
    for name, forge in FORGE_FILES.items():
        if os.path.exists(os.path.join(root, name)):
            return forge
    return "none"


def _mentions_policyd(root: str, name: str) -> bool:
    try:
        with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
            return "policyd" in file.read()
    except OSError:
        return True


def _repository_file(root: str, projects: Sequence[FoundProject]) -> str:
    """Return a repository file that names the combinations with an environment."""
    lines = [
        "# How `policyd check` evaluates this repository. Flags and settings precede this file,",
        "# and the webhook ignores it.",
        f"apiVersion: {API_VERSION}",
    ]
    if rules := _policy_set(root):
        lines.append(f"policySet: {_quoted(rules)}")
    lines += ["# Every project in the repository:", "recursive: true"]
    groups = [(one, environment) for one in projects if (environment := _environment(one))]
    if groups:
        lines += ["# Combinations of files, each evaluated as a deployment to its environment:"]
        lines += ["projects:"]
    for project, environment in groups:
        below = os.path.relpath(project.folder, root)
        names = [os.path.normpath(os.path.join(below, name)) for name in project.files]
        lines.append(f"  - files: [{', '.join(map(_quoted, names))}]")
        lines.append(f"    environment: {_quoted(environment)}")
    return "\n".join(lines) + "\n"


def _environment(project: FoundProject) -> str:
    """Return the environment that the name of an overlay has, "" for none."""
    if len(project.files) != 2:
        return ""
    words = re.split(r"[._-]", project.files[1].lower())
    return next((word for word in words if word in ENVIRONMENTS), "")


def _policy_set(root: str) -> str:
    """Return the folder with a policy set in the repository, "" for none."""
    for name in ("", "rules", "policies", ".policyd"):
        if os.path.isfile(os.path.join(root, name, "policyset.yaml")):
            return name or "policyset.yaml"
    return ""


def _quoted(text: str) -> str:
    """Return `text` as a YAML scalar in a flow collection."""
    if re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./-]*", text) and yaml.safe_load(text) == text:
        return text
    return "'" + text.replace("'", "''") + "'"
