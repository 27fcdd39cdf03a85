"""A real OPA that follows the bundle of a running webhook, and is asked in turn."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from policyd import opa_bundle
from policyd.policies.policy_set import load_policy_set
from tests.support.namedrule import HEADING, POLICY
from tests.support.opaserver import serving

pytestmark = [pytest.mark.integration, pytest.mark.slow]

TOKEN = "test-secret"
WEB = "services:\n  web:\n    image: nginx:1.27\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The folder of a policy set."""
    folder = tmp_path / "acme"
    (folder / "rules").mkdir(parents=True)
    (folder / "policyset.yaml").write_text(HEADING)
    (folder / "rules" / "policy.rego").write_text(POLICY)
    return folder


@contextmanager
def fleet(folder: Path, port: int, token: str) -> Iterator[str]:
    """Yield the address of an OPA that follows the webhook on `port`."""
    config = {
        "services": {
            "policyd": {
                "url": f"http://127.0.0.1:{port}",
                "credentials": {"bearer": {"token": token}},
            }
        },
        "bundles": {
            "acme": {
                "service": "policyd",
                "resource": "bundles/acme.tar.gz",
                "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1},
            }
        },
    }
    file = folder / "opa.json"
    file.write_text(json.dumps(config))  # JSON is YAML
    with serving(options=("--config-file", str(file))) as url:
        yield url


def settings(rules: Path, url: str) -> dict[str, object]:
    token = {
        "owner": "ci",
        "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "repositories": ["**"],
    }
    return {
        "policy_set": str(rules),
        "reload_interval": 1,
        "engine": "opa",
        "engine_url": url,
        "tokens": {"ci": token},
    }


def review(url: str) -> dict[str, object]:
    response = requests.post(
        f"{url}/v1/review",
        data=WEB,
        headers={"Content-Type": "application/yaml", "Authorization": f"Bearer {TOKEN}"},
    )
    answer: dict[str, object] = response.json()["response"]
    return answer


def test_an_opa_follows_the_policy_set_and_no_review_is_let_down_meanwhile(
    tmp_path: Path, rules: Path, free_port: Callable[[], int], start_webhook, until
) -> None:
    port = free_port()
    with fleet(tmp_path, port, TOKEN) as opa:
        webhook = start_webhook(port, workers=2, **settings(rules, opa))
        first = review(webhook.url)
        assert (first["engine"], first["status"]["code"]) == ("opa", 403)
        assert first["violations"][0]["message"] == "it is named web"

        (rules / "rules" / "policy.rego").write_text(POLICY.replace("it is", "it may not be"))
        answers = [first]
        while answers[-1]["policySet"] == first["policySet"]:
            answers.append(review(webhook.url))

        assert {answer["status"]["code"] for answer in answers} == {403}
        assert answers[-1]["violations"][0]["message"] == "it may not be named web"
        ready = requests.get(f"{webhook.url}/readyz").json()
        assert ready["policySet"] == answers[-1]["policySet"]
        assert ready["warnings"] == []
        until(lambda: '"path": "/bundles/acme.tar.gz", "status": 304' in webhook.output)


def test_the_command_asks_an_opa_and_says_what_the_embedded_engine_says(
    tmp_path: Path, rules: Path
) -> None:
    (tmp_path / "compose.yaml").write_text(WEB)
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(opa_bundle.build(load_policy_set(rules)))
    command = [sys.executable, "-m", "policyd", "check", str(tmp_path), "--format", "json"]
    answers = {}
    with serving(bundle) as opa:
        for engine in ({}, {"POLICYD_ENGINE": "opa", "POLICYD_ENGINE_URL": opa}):
            done = subprocess.run(
                [*command, "--policy-set", str(rules)],
                capture_output=True,
                check=False,
                env={**os.environ, **engine},
            )
            assert (done.returncode, done.stderr) == (1, b"")
            (decision,) = json.loads(done.stdout)["decisions"]
            for name in ("uid", "decisionId"):
                del decision[name]
            answers[decision.pop("engine")] = decision

    assert set(answers) == {"embedded", "opa"}
    assert answers["embedded"] == answers["opa"]
    assert answers["opa"]["violations"][0]["message"] == "it is named web"


def test_a_webhook_is_not_ready_until_an_opa_holds_its_policy_set(
    tmp_path: Path, rules: Path, free_port: Callable[[], int], start_webhook, until
) -> None:
    port = free_port()
    with fleet(tmp_path, port, "another-token") as opa:
        webhook = start_webhook(port, wait=False, workers=1, **settings(rules, opa))
        until(lambda: '"path": "/bundles/acme.tar.gz", "status": 401' in webhook.output)
        ready = requests.get(f"{webhook.url}/readyz")
        answer = review(webhook.url)

    assert ready.status_code == 503
    assert ready.json()["message"].startswith(
        f"OPA at {opa} holds no OPA bundle; the policy set in"
    )
    assert (answer["allowed"], answer["status"]["code"]) == (False, 503)
    assert answer["status"]["message"] == ready.json()["message"]
