"""The README is true: its settings, its code, the output that it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from policyd.config import Registry, Settings, Token
from policyd.policies.policy_set import load_policy_set

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def settings() -> list[tuple[str, str]]:
    return [
        (field.name, msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"][field.name])
        for kind in (Settings, Token, Registry)
        for field in msgspec.structs.fields(kind)
    ]


@pytest.mark.parametrize(("name", "schema"), settings(), ids=lambda value: str(value)[:20])
def test_each_setting_is_explained(name: str, schema: dict[str, object]) -> None:
    row = re.search(rf"^\| `{name}` \|.*$", README, re.MULTILINE)

    assert row, f"{name} has no row"
    assert str(schema["description"]) in row[0]


@pytest.mark.parametrize("code", blocks("python"), ids=["loader", "decision"])
def test_the_code_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    exec(compile(code, "README.md", "exec"), {})


def test_the_output_of_check_is_what_it_prints() -> None:
    command = "policyd check deploy/examples/device-reservation/denied"
    shown = next(block for block in blocks("console") if command in block)

    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 1
    assert f"$ {command}\n{done.stdout}" in shown


def test_the_policy_set_is_explained_as_shown(tmp_path: Path) -> None:
    policy_set, exception = (block for block in blocks("yaml") if "apiVersion: policyd" in block)
    (tmp_path / "acme.yaml").write_text(policy_set)
    (tmp_path / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    command = "policyd check --policy-set acme.yaml --explain-match --environment dev"
    shown = next(block for block in blocks("console") if command in block)

    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    explained = done.stdout.partition("Constraints and exceptions:\n")[2]
    assert shown == f"$ {command}\n…\nConstraints and exceptions:\n{explained}"
    (tmp_path / "acme.yaml").write_text(f"{policy_set}---\n{exception}")
    assert load_policy_set(tmp_path / "acme.yaml").exceptions[0].name == "train-needs-all"
