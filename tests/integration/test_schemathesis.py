"""A running webhook answers as its OpenAPI document says, whatever schemathesis asks it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import Webhook

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOKEN: Final = "a-token-for-schemathesis"
EXAMPLES: Final = 10
"""Requests that are made up for each route, besides those that cover its schemas."""


def test_a_running_webhook_answers_as_it_is_described(
    start_webhook: Callable[..., Webhook], tmp_path: Path
) -> None:
    # Not required in CI: it is skipped where the package cannot be installed.
    program = shutil.which("schemathesis")
    if program is None:
        pytest.skip("there is no schemathesis on the PATH")
    token = {
        "owner": "tests",
        "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "scopes": ["admin"],
        "repositories": ["**"],
        "speaks_for_users": True,
    }
    webhook = start_webhook(workers=1, tokens={"tests": token})

    done = subprocess.run(
        [
            program, "run", f"{webhook.url}/openapi.json", "--no-color",
            "--header", f"Authorization: Bearer {TOKEN}",
            "--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1",
            # A request that fits the schema may be refused: the name of a file, a time, a glob.
            "--exclude-checks", "positive_data_acceptance",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert "internal error" not in webhook.output
