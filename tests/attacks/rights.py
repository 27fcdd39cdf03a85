"""What a caller may do, what is kept of a project, and what a DELETE does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import requests
from sqlalchemy import insert, select, update

from policyd.audit.tables import events, heads
from policyd.config import Settings
from policyd.errors import ConfigError
from policyd.settings_reader import load_settings
from tests.attacks.faults import answers
from tests.attacks.target import CLEAN, GPU, PRIVILEGED, Target, ask, log_of, post, recorded
from tests.conftest import wait_until

REPOSITORIES: Final = 70_000
MARKER: Final = "hunter2-marker"
LEAKING: Final = (
    "services: {web: {image: x, environment: {PASSWORD: %s}, privileged: true}}",
    "services: {web: {image: x, mem_limit: %s}}",
    "services: {web: {image: x, ports: ['%s']}}",
    "services: {web: {image: x, deploy: {replicas: %s}}}",
    "services: {web: {image: x, environment: %s}}",
    "services: {web: {image: '${X:?%s}'}}",
    "services: {web: {image: x, labels: {owner: %s}, command: [run, %s]}}",
    "services: {web: {build: 'https://me:%s@example.com/x.git?token=%s'}}",
    "include: ['https://me:%s@example.com/x.git']\nservices: {web: {image: x}}",
    "services: {web: {image: x, environment: {A: *%s}}}",
    "x-own: %s\nservices: {web: {image: x, stop_grace_period: %s}}",
)


def tokens(**limits: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return settings of tokens whose values are their names and "-token-of-16"."""
    return {
        name: {"owner": name, "sha256": hashlib.sha256(value(name).encode()).hexdigest(), **fields}
        for name, fields in limits.items()
    }


def value(name: str) -> str:
    """Return the token that has this name."""
    return f"{name}-token-of-16"


def leaks(target: Target) -> str:
    """No value of a project is in the log, the database or answers to others."""
    webhook = target.start()
    for text in LEAKING:
        answer = post(webhook, text.replace("%s", MARKER))
        assert answer.status_code == 200, answer.text
    shown = {
        path: requests.get(f"{webhook.url}{path}", timeout=60).text
        for path in ("/v1/decisions?limit=500", "/v1/grants", "/metrics", "/readyz")
    }
    shown["the log"] = webhook.output
    for file in Path(webhook.audit).parent.glob("audit.db*"):
        shown[file.name] = file.read_bytes().decode("latin-1")
    assert [name for name, content in shown.items() if MARKER in content] == []
    assert len(recorded(webhook)) == len(LEAKING)
    return f"{len(LEAKING)} places, {len(shown)} readers, no value"


def scopes(target: Target) -> str:
    """A token that is limited must state the field, and is used for its scopes only."""
    limited = {
        "repositories": ["ml/**"],
        "environments": ["dev"],
        "hosts": ["gpu-01"],
    }
    webhook = target.start(
        tokens=tokens(
            ml=limited,
            metrics={"scopes": ["metrics"]},
            all={"repositories": ["**"]},
        )
    )
    named = {"repository": "ml/train", "environment": "dev", "host": "gpu-01"}
    for missing in named:
        asked = {key: text for key, text in named.items() if key != missing}
        assert post(webhook, CLEAN, value("ml"), **asked).status_code == 403
    for name in ("ml/../ops", "ml/", "ml/a ", "ml//a"):
        asked = {**named, "repository": name}
        assert post(webhook, CLEAN, value("ml"), **asked).status_code in (400, 403)
    assert post(webhook, CLEAN, value("metrics"), **named).status_code == 403
    ask(webhook, GPU, token=value("ml"), **named)
    ask(webhook, GPU, token=value("all"), repository="ops/x", environment="prod", host="gpu-02")
    headers = {"Authorization": f"Bearer {value('ml')}"}
    for path in ("/v1/decisions", "/v1/grants"):
        answer = requests.get(f"{webhook.url}{path}", headers=headers, timeout=60)
        assert "ops/x" not in answer.text
    return "no grant beyond the limits of a token"


def many_repositories(target: Target) -> str:
    """A limited token reads a log with more repositories than a query can have parameters."""
    settings = {"tokens": tokens(ml={"repositories": ["ml/**"], "scopes": ["audit:read"]})}
    webhook = target.start()
    ask(webhook, repository="ml/train")
    webhook.kill()
    with log_of(webhook) as store, store.database.writing() as connection:
        decision = select(events).where(events.c.kind == "decision")
        row = dict(connection.execute(decision).one()._mapping)
        last = connection.execute(select(heads.c.sequence)).scalar_one()
        numbers = range(last + 1, last + 1 + REPOSITORIES)
        rows = (
            {**row, "sequence": number, "decision_id": str(number), "repository": f"ops/{number}"}
            for number in numbers
        )
        connection.execute(insert(events), list(rows))
        connection.execute(update(heads).values(sequence=last + REPOSITORIES))
    webhook = target.start(wait=False, **settings)
    wait_until(lambda: answers(webhook))
    headers = {"Authorization": f"Bearer {value('ml')}"}
    answer = requests.get(f"{webhook.url}/v1/decisions", headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["items"]) == 1
    return f"its 1 decision of {REPOSITORIES + 1:,} repositories"


def deletes(target: Target) -> str:
    """A DELETE releases the grants, whatever the policies say and whether there are files."""
    webhook = target.start()
    place = {"repository": "ml/train", "host": "gpu-01", "name": "train"}
    ask(webhook, GPU, operation="CREATE", **place)
    with log_of(webhook) as store:
        assert [grant.state for grant in store.grants()] == ["active"]
    assert ask(webhook, PRIVILEGED, operation="DELETE", **place)["allowed"] is True
    with log_of(webhook) as store:
        assert store.grants() == []
    return "a DELETE of a project that policies deny released its grants"


def token_files(target: Target) -> str:
    """Tokens that everybody can read, or guess, are refused."""
    file, settings = target.folder / "token", target.folder / "policyd.toml"
    settings.write_text('[tokens.ci]\nowner = "ci"\nvalue_file = "token"\nrepositories = ["**"]\n')
    refused = 0
    for content, mode in (("x" * 32, 0o644), ("x", 0o600), ("x" * 15, 0o600)):
        file.write_text(content)
        file.chmod(mode)
        try:
            load_settings(str(settings), {}, {})
        except ConfigError:
            refused += 1
    file.write_text("x" * 32)
    accepted: Settings = load_settings(str(settings), {}, {})
    assert (refused, len(accepted.tokens)) == (3, 1)
    return "3 of 3 refused"
