"""The recorded project: without values, but evaluated as the project itself."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from policyd import recorded_input
from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import AuditError
from policyd.loading import Loaded, NotLoaded, prepare
from policyd.masked_decision import HOST_FIELDS
from policyd.model import RecordedInput, Review
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.recorded_input import RecordedProject, Recorder, read_project
from tests.support.cases import cases
from tests.support.marked_projects import ENVIRONMENT, LITERAL, MARKERS, places, project, text
from tests.unit.test_masked_decision import PATHS, field_of

REVIEW = Review(uid="1", enforcement_point="cli", now=1)
OPEN = (
    HOST_FIELDS
    | PATHS
    | {"name", "container_name", "group_add", "logging", "restart", "stop_signal", "triggers"}
)


@pytest.fixture(scope="module")
def policy_set() -> PolicySet:
    return load_policy_set()


@pytest.fixture(scope="module")
def recorder(policy_set: PolicySet) -> Recorder:
    return Recorder(policy_set)


def loaded(compose: str | bytes, **variables: str) -> Loaded:
    content = compose if isinstance(compose, bytes) else compose.encode()
    found = prepare(memory_bundle({"compose.yaml": content}, environment=variables))
    assert isinstance(found, Loaded), found
    return found


def recorded(recorder: Recorder, compose: str, **variables: str) -> RecordedProject:
    found = recorder.record(loaded(compose, **variables))
    assert found is not None
    return read_project(found.content, found.digest)


def leaks(recorder: Recorder, path: tuple[str | int, ...], value: Any) -> list[str]:
    content = text(project(path, value))
    found = prepare(memory_bundle({"compose.yaml": content}, environment=ENVIRONMENT))
    if isinstance(found, NotLoaded):
        return []
    kept = recorder.record(found)
    assert kept is not None
    shown = zlib.decompress(kept.content).decode().casefold()
    return [marker for marker in MARKERS if marker in shown]


@pytest.mark.thorough
def test_no_value_of_a_variable_is_recorded_wherever_it_is_used(recorder: Recorder) -> None:
    found = [path for path, _ in places() if leaks(recorder, path, "${SECRET}")]

    assert found == [("name",)]  # the name of a project is recorded


@pytest.mark.thorough
def test_no_written_value_is_recorded_but_of_fields_of_the_host(recorder: Recorder) -> None:
    found = {
        field_of(path)
        for path, _ in places()
        if path[-1] != 0 and leaks(recorder, path, LITERAL)  # items of lists can be names
    }

    assert found <= OPEN
    assert "environment" not in found


def test_values_within_open_fields_are_masked_where_nothing_else_is(recorder: Recorder) -> None:
    found = recorded(
        recorder,
        "services:\n  web:\n    image: nginx\n"
        "    build: {context: ., args: {A: plain}, dockerfile_inline: FROM plain}\n"
        "    deploy:\n      labels: {team: plain}\n"
        "      resources: {reservations: {devices: [{driver: nvidia, capabilities: [gpu],"
        " options: {mode: plain}}]}}\n",
    )

    tree, [web] = found.tree["services"]["web"], found.workloads
    assert tree["build"]["args"] == {"A": "***"}
    assert tree["build"]["dockerfile_inline"] == "***"
    assert tree["deploy"]["labels"] == {"team": "***"}
    assert web.device_requests[0].options == {"mode": "***"}
    assert web.device_requests[0].capabilities == ("gpu",)
    assert web.build is not None
    assert web.build.dockerfile_inline == "***"


def test_masked_values_are_listed_by_path_and_names_stay(recorder: Recorder) -> None:
    found = recorded(
        recorder,
        "services:\n  web:\n    image: nginx\n    command: [serve, hunter2]\n"
        "    environment: {PASSWORD: hunter2, EMPTY: ''}\n    labels: {team: ml}\n",
    )

    [web] = found.workloads
    assert web.environment == {"PASSWORD": "***", "EMPTY": ""}
    assert web.labels == {"team": "***"}
    assert found.tree["services"]["web"]["command"] == ["***", "***"]
    assert found.masked == (
        "services.web.command.0",
        "services.web.command.1",
        "services.web.environment.PASSWORD",
        "services.web.labels.team",
        "workloads.web.environment.PASSWORD",
        "workloads.web.labels.team",
    )


def test_what_policies_declare_or_constraints_name_stays_unless_it_is_a_credential(
    tmp_path: Any,
) -> None:
    (tmp_path / "policyset.yaml").write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: t}\n"
        "spec: {packs: [gpu, governance]}\n---\n"
        "apiVersion: policyd/v1\nkind: Constraint\nmetadata: {name: owner}\n"
        "spec: {policy: gpu-owner-label, enforcementAction: deny, "
        "parameters: {labels: [acme.owner]}}\n"
    )
    recorder = Recorder(load_policy_set(tmp_path))

    found = recorded(
        recorder,
        "services:\n  web:\n    image: nginx\n    labels: {acme.owner: ml, other: x}\n"
        "    environment: {NVIDIA_GDS: enabled, A: b}\n",
    )

    [web] = found.workloads
    assert web.labels == {"acme.owner": "ml", "other": "***"}
    assert web.environment == {"NVIDIA_GDS": "enabled", "A": "***"}
    assert recorder.keeps("labels", "acme.owner")
    recorder._named.add("x")
    assert not recorder.keeps("options", "x")


def test_it_is_evaluated_as_the_project(policy_set: PolicySet, recorder: Recorder) -> None:
    original = loaded(
        "services:\n  web:\n    image: nginx\n    privileged: true\n    pid: host\n"
        "    volumes: ['/var/run/docker.sock:/s', 'data:/d']\n    environment: {A: secret}\n"
        "    deploy: {resources: {reservations: {devices: "
        "[{driver: nvidia, count: all, capabilities: [gpu]}]}}}\n"
        "volumes: {data: {driver_opts: {type: none, o: bind, device: /}}}\n"
    )
    kept = recorder.record(original)
    assert kept is not None
    again = read_project(kept.content, kept.digest).loaded(original.digest)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, 60)
    admission = Admission(engine, policy_set)

    first, second = admission.decide(original, REVIEW), admission.decide(again, REVIEW)
    engine.close()

    assert len(first.violations) > 3
    assert sorted((v.policy, v.path) for v in first.violations) == sorted(
        (v.policy, v.path) for v in second.violations
    )
    assert first.grants == second.grants
    assert second.bundle_digest == first.bundle_digest


def test_the_same_project_has_the_same_digest(recorder: Recorder) -> None:
    one = recorder.record(loaded("services: {web: {image: a, environment: {P: one}}}\n"))
    two = recorder.record(loaded("services: {web: {image: a, environment: {P: two}}}\n"))
    other = recorder.record(loaded("services: {web: {image: b}}\n"))

    assert one == two
    assert one is not None
    assert other is not None
    assert one.digest != other.digest


def test_a_project_that_is_too_large_is_not_recorded(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = loaded("services: {web: {image: a}}\n")

    monkeypatch.setattr(recorded_input, "MAX_CONTENT", 100)
    assert recorder.record(found) is None


@cases(
    "content",
    [b"", b"no zlib", zlib.compress(b"{}"), zlib.compress(b"0" * 1000)],
)
def test_content_that_was_changed_is_refused(recorder: Recorder, content: bytes) -> None:
    found = recorder.record(loaded("services: {web: {image: a}}\n"))
    assert isinstance(found, RecordedInput)

    with pytest.raises(AuditError, match=f"the recorded input {found.digest} "):
        read_project(content, found.digest)
