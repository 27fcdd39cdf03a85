"""No value of a project reaches the audit log, the logs, the metrics or other readers."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policyd.admission import Admission
from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.cli import main
from policyd.compose.table.field import Field
from policyd.config import Settings
from policyd.errors import EngineUnavailable
from policyd.loading import Loaded, prepare
from policyd.logs import configure
from policyd.masked_decision import HOST_FIELDS, masked_decision
from policyd.model import Decision, Review, to_json
from policyd.policies.policy_set import load_policy_set
from policyd.services import Services
from policyd.web.app import create_app
from tests.support.marked_projects import (
    ENVIRONMENT,
    LITERAL,
    MARKERS,
    NUMBER,
    Place,
    QuotingEngine,
    places,
    project,
    shapes,
    text,
)

REVIEW = Review(uid="u-1", enforcement_point="ci", now=0, operation="CREATE")
PATHS = {"env_file", "label_file", "include", "extends"}
"""Fields that name files: a written path may be recorded."""
IN_INPUTS = {"container_name", "group_add", "logging", "pull_policy", "stop_signal", "triggers"}
"""Fields whose written values the recorded inputs of policies keep: the driver of logging, cron."""
SECRET = "hunter2-secret"


@pytest.fixture(autouse=True)
def _thread_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore what `configure` sets."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


@pytest.fixture(scope="module")
def admission() -> Admission:
    return Admission(QuotingEngine(), load_policy_set())


def recorded(
    admission: Admission,
    files: dict[str, bytes],
    environment: dict[str, str] | None = None,
    **options: Any,
) -> Decision:
    bundle = memory_bundle(files, environment=environment or {}, **options)
    loaded = prepare(bundle)
    decision = admission.decide(loaded, REVIEW)
    return masked_decision(decision, loaded, admission.policy_set.policies)


def field_of(path: Place) -> str | int:
    """Return the field of a service, job or hook that `path` lies in, else the section."""
    if path[0] not in ("services", "jobs") or len(path) < 3:
        return path[0]
    return path[4] if path[2] == "pre_start" and len(path) > 4 else path[2]


def leaks(admission: Admission, path: Place, value: Any) -> list[str]:
    bundle = memory_bundle({"compose.yaml": text(project(path, value))}, environment=ENVIRONMENT)
    loaded = prepare(bundle)
    decision = admission.decide(loaded, REVIEW)
    masked = masked_decision(decision, loaded, admission.policy_set.policies)
    shown = to_json(masked).decode().casefold()
    if isinstance(loaded, Loaded) and (kept := admission.recorder.record(loaded)):
        # A written number is a limit or a count, which the inputs of policies keep.
        content = zlib.decompress(kept.content).decode().casefold()
        shown += content.replace(str(NUMBER), "")
    return [marker for marker in MARKERS if marker in shown]


@pytest.mark.slow
def test_no_value_of_a_variable_is_recorded_wherever_it_is_used(admission: Admission) -> None:
    found = [path for path, _ in places() if leaks(admission, path, "${SECRET}")]

    assert found == [("name",)]  # the name of a project is recorded


@pytest.mark.thorough
def test_no_written_value_is_recorded_but_of_fields_of_the_host(admission: Admission) -> None:
    found = {
        field_of(path)
        for path, _ in places()
        if path[-1] != 0 and leaks(admission, path, LITERAL)  # items of lists can be names
    }

    assert found <= HOST_FIELDS | PATHS | IN_INPUTS | {"name"}
    assert "environment" not in found


@pytest.mark.slow
@pytest.mark.parametrize("marker", ["${SECRET}", LITERAL, NUMBER])
def test_no_value_is_recorded_in_whatever_shape_it_is_written(
    admission: Admission, marker: str | int
) -> None:
    found = [
        (path, value)
        for path, field in places()
        for value in shapes(marker)
        if leaks(admission, path, value) and not is_expected(path, field, value)
    ]

    assert found == []


def is_expected(path: Place, _field: Field, value: Any) -> bool:
    """Return whether the marker in `value` is a name, a path, or a value of a field of the host."""
    is_key = LITERAL in json.dumps(value) and (isinstance(value, dict | list) or path[-1] == 0)
    may_stay = field_of(path) in HOST_FIELDS | PATHS | IN_INPUTS
    is_variable = value in ("${SECRET}", ["${SECRET}"])
    return path[0] == "name" or (not is_variable and (is_key or may_stay))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"compose.yaml": b"services:\n  web:\n    image: x\n    mem_limit: ${S}\n"},
            "compose.yaml:4:16: services.web.mem_limit: *** is not a size: write bytes, or a "
            "number and k, m, g, t or p",
        ),
        (
            {"compose.yaml": b"services:\n  web:\n    image: x\n    environment: hunter2-secret\n"},
            "compose.yaml:4:18: services.web.environment: expected a mapping or a list, found the "
            "string ***",
        ),
        (
            {"compose.yaml": b"services:\n  web:\n    image: ${X:?hunter2-secret}\n"},
            "compose.yaml:3:12: services.web.image: required variable 'X' is missing a value: ***",
        ),
        (
            {"compose.yaml": b"include: ['./${S}/x.yaml']\nservices: {}\n"},
            "compose.yaml:1:11: the file ***/x.yaml does not exist",
        ),
        (
            {
                "compose.yaml": b"services:\n  web:\n    image: x\n    env_file: a.env\n",
                "a.env": b"A=1\nhunter2-secret B=2\n",
            },
            "a.env:2:1: a variable name cannot hold a space",
        ),
        (
            {"compose.yaml": b"services: {web: {image: x, environment: ['${S}=1', [a]]}}"},
            "compose.yaml:1:52: services.web.environment[1]: expected a string, found a list",
        ),
    ],
)
def test_an_error_of_compose_is_recorded_without_its_values(
    admission: Admission, files: dict[str, bytes], message: str
) -> None:
    decision = recorded(admission, files, {"S": SECRET})

    assert decision.status.code == 422
    assert SECRET not in to_json(decision).decode()
    assert decision.status.message == message


def test_what_is_not_evaluated_is_recorded_without_credentials_and_values(
    admission: Admission,
) -> None:
    content = (
        "include: ['https://me:hunter2-secret@example.com/x.git']\n"
        "services:\n  web:\n    image: x\n"
        "    env_file: [{path: '${S}.env', required: false}]\n"
    )

    decision = recorded(admission, {"compose.yaml": content.encode()}, {"S": SECRET})

    assert [(part.kind, part.what) for part in decision.not_evaluated] == [
        ("remote-include", "https://example.com/x.git"),
        ("env-file", "***.env"),
    ]
    assert SECRET not in to_json(decision).decode()


def test_a_message_without_values_is_recorded_as_the_policy_wrote_it() -> None:
    services = build(Settings())
    content = b"services: {web: {image: nginx, privileged: true, environment: {A: b}}}\n"
    loaded = prepare(memory_bundle({"compose.yaml": content}))
    try:
        decision = services.rules.admissions()[0].decide(loaded, REVIEW)
    finally:
        services.close()

    assert isinstance(loaded, Loaded)
    assert decision.violations
    assert masked_decision(decision, loaded, services.policy_set.policies) == decision


# --- everything that others can read -------------------------------------------------------------

PLACES = {
    "environment": "  environment: {PASSWORD: %s}",
    "a variable": "  environment: {PASSWORD: '${S}'}",
    "a bad size": "  mem_limit: '${S}'",
    "a bad port": "  ports: ['%s']",
    "a bad type": "  environment: %s",
    "a missing variable": "  environment: {A: '${MISSING:?%s}'}",
    "a label": "  labels: {owner: %s}\n  privileged: true",
    "a command": "  command: [run, --password=%s]",
    "a health check": "  healthcheck: {test: [CMD, curl, 'http://me:%s@localhost']}",
    "a build": "  build: {context: 'https://me:%s@example.com/x.git?token=%s', args: {A: %s}}",
    "an extension": "  x-own: {token: %s}",
    "an interpolated key": "  environment: ['${S}=${S}']\n  mem_limit: '${S}'",
    "an unknown anchor": "  environment: {A: *%s}",
    "an env file": "  env_file: broken.env",
}


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy set with one policy, which quotes variables and labels."""
    folder = tmp_path_factory.mktemp("quoting")
    pack = folder / "own" / "quote_everything"
    pack.mkdir(parents=True)
    (pack / "policy.rego").write_text(
        """# METADATA
# title: Values are not quoted
# description: Quotes variables and labels.
# scope: package
# custom:
#   id: quote-everything
#   severity: low
#   remediation: Remove the value.
package policyd.policies.quote_everything

violation contains {"msg": sprintf("found %s", [value]), "service": "", "path": ["services"]} if {
	some value in quoted
}

quoted contains value if {
	some w in input.workloads
	some value in w.environment
	is_string(value)
}

quoted contains value if {
	some w in input.workloads
	some value in w.labels
}
"""
    )
    (folder / "policyset.yaml").write_text(
        """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: quoting}
spec: {packs: [./own]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: quote}
spec: {policy: quote-everything, enforcementAction: warn}
"""
    )
    return folder


@pytest.fixture
def services(policies: Path, tmp_path: Path, empty_log: Path) -> Iterator[Services]:
    log = str(shutil.copy(empty_log, tmp_path / "audit.db"))
    built = build(Settings(policy_set=str(policies), audit=log))
    yield built
    built.close()


def written(fragment: str) -> str:
    lines = fragment.replace("%s", SECRET).splitlines()
    service = "" if "build:" in fragment else "    image: nginx\n"
    return f"services:\n  web:\n{service}" + "".join(f"  {line}\n" for line in lines)


def recorded_inputs(log: Path) -> str:
    """Return the recorded inputs of policies: the database has them compressed."""
    with closing(sqlite3.connect(log)) as connection:
        rows = connection.execute("SELECT content FROM inputs").fetchall()
    return "".join(zlib.decompress(content).decode() for (content,) in rows)


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["json", "console"])
def test_others_than_the_caller_read_no_value(
    services: Services, tmp_path: Path, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    configure(form)
    client = create_app(services).test_client()

    seen = ""
    for name, fragment in PLACES.items():
        files = {
            "compose.yaml": written(fragment),
            "broken.env": f'A="{SECRET}\n',
            ".env": f"OTHER={SECRET}\n",
        }
        asked = {"project": {"files": files, "env": {"S": SECRET}}}
        review = {"apiVersion": "policyd/v1", "kind": "ComposeReview", "request": asked}
        for _ in ("evaluated", "kept from the first time"):
            answer = client.post("/v1/review", json=review)
            assert answer.status_code == 200, (name, answer.text)
        seen += answer.text
    assert SECRET in seen  # the caller sees what it sent
    listed = client.get("/v1/decisions?limit=500")
    assert len(listed.json["items"]) == 2 * len(PLACES)
    shown = {
        "decisions": listed.text,
        "grants": client.get("/v1/grants").text,
        "metrics": client.get("/metrics").text,
        "policies": client.get("/v1/policies").text,
        "readiness": client.get("/readyz").text,
        "log": "".join(capfd.readouterr()),
        "inputs": recorded_inputs(tmp_path / "audit.db"),
        **{file.name: file.read_bytes().decode("latin-1") for file in tmp_path.iterdir()},
    }
    assert "services" in shown["inputs"]
    assert [name for name, content in shown.items() if SECRET in content] == []


@pytest.mark.slow
def test_the_command_line_records_no_value(
    policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S", SECRET)
    log = tmp_path / "audit.db"
    for number, fragment in enumerate(PLACES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "compose.yaml").write_text(written(fragment))
        (folder / "broken.env").write_text(f'A="{SECRET}\n')
        with pytest.raises(SystemExit):
            main(["check", str(folder), "--policy-set", str(policies), "--audit", str(log)])

    recorded_bytes = b"".join(file.read_bytes() for file in tmp_path.glob("audit.db*"))
    assert b"quote-everything" in recorded_bytes
    assert SECRET.encode() not in recorded_bytes


def test_an_unexpected_error_is_logged_without_its_message(
    capfd: pytest.CaptureFixture[str], services: Services
) -> None:
    class Broken:
        def admissions(self) -> list[Admission]:
            raise KeyError(SECRET)

        def status(self) -> None:
            raise KeyError(SECRET)

    configure("json")
    broken = msgspec.structs.replace(services, rules=Broken())
    answer = (
        create_app(broken)
        .test_client()
        .post("/v1/review", data="services: {web: {image: x}}", content_type="application/yaml")
    )

    logged = capfd.readouterr().out
    assert answer.status_code == 500
    assert "KeyError" in logged
    assert "in admissions" in logged
    assert SECRET not in logged


def test_an_ignored_failure_that_quotes_a_value_is_recorded_without_it(
    admission: Admission,
) -> None:
    text = b"services: {web: {image: a, environment: {PASSWORD: hunter2-secret}}}"
    loaded = prepare(memory_bundle({"compose.yaml": text}))
    assert isinstance(loaded, Loaded)
    quoting, plain = (
        admission.failed(REVIEW, EngineUnavailable(message), "Ignore", loaded)
        for message in (f"the evaluator said {SECRET}", "the evaluator ended")
    )

    policies = admission.policy_set.policies
    assert masked_decision(quoting, loaded, policies).warnings == (
        "no policy was evaluated: the error quotes a value of the project",
    )
    assert masked_decision(plain, loaded, policies) == plain
