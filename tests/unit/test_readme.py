"""README.md is true: the output that it shows, its policy set, its settings, its length."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

from policyd.policies.policy_set import load_policy_set
from policyd.settings_reader import load_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 200


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


def test_the_output_of_the_demo_ends_as_it_does() -> None:
    shown = next(block for block in blocks("console") if "$ make demo" in block)
    demo = runpy.run_path(str(ROOT / "deploy" / "demo.py"))
    examples = demo["EXAMPLES"]

    assert shown.splitlines()[-3:] == [
        f"All {2 * len(examples)} verdicts on {len(examples)} projects are as expected.",
        *demo["CONSOLE"].splitlines(),
    ]


def test_the_output_of_the_tests_has_no_number_that_changes() -> None:
    shown = next(block for block in blocks("console") if "$ make test" in block)

    assert re.findall(r"[0-9]+", shown) == ["0"]


def test_the_policy_set_loads(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(blocks("yaml")[0])

    policy_set = load_policy_set(tmp_path / "acme.yaml")

    assert policy_set.constraints[0].policy == "no-all-gpus"
    assert policy_set.exceptions[0].name == "train-needs-all"


def test_the_settings_load(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-the-readme")
    (tmp_path / "token").chmod(0o600)
    text = blocks("toml")[0].replace("/run/secrets/policyd-ci", "token")
    (tmp_path / "policyd.toml").write_text(text)

    settings = load_settings(str(tmp_path / "policyd.toml"), {}, {})

    assert settings.tokens["ci"].enforcement_point == "ci"
