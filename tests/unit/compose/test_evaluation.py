"""The evaluated model holds what could run, while the printed one equals that of Compose."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.compose.project import Project
from policyd.errors import ComposeError
from tests.support.cases import cases

_JOB = "    image: x\n    triggers: {manual: true}\n"


def project(text: str, **options: Any) -> Project:
    others = options.pop("files", {})
    files = {"compose.yaml": text, **others}
    return load(memory_bundle({name: each.encode() for name, each in files.items()}, **options))


def seen(found: Project) -> list[tuple[str, str, str]]:
    return [(each.kind, each.what, str(each.location)) for each in found.not_evaluated]


def unresolved(found: Project) -> list[tuple[str, str]]:
    return [(use.variable, ".".join(map(str, use.path))) for use in found.unresolved]


def test_the_env_file_of_a_job_is_evaluated_and_printed_unread() -> None:
    found = project(
        f"jobs:\n  seed:\n{_JOB}    env_file: a.env\n    environment: {{A: own}}\n",
        files={"a.env": "A=file\nNVIDIA_VISIBLE_DEVICES=all\n"},
    )

    assert found.tree["jobs"]["seed"]["environment"] == {
        "NVIDIA_VISIBLE_DEVICES": "all",
        "A": "own",
    }
    printed = found.config()["jobs"]["seed"]
    assert printed["environment"] == {"A": "own"}
    assert printed["env_file"] == [{"path": "/project/a.env"}]
    assert str(found.locate(("jobs", "seed", "environment", "NVIDIA_VISIBLE_DEVICES"))) == (
        "a.env:2:1"
    )


def test_a_missing_env_file_of_a_job_is_not_evaluated() -> None:
    found = project(f"jobs:\n  seed:\n{_JOB}    env_file: gone.env\n")

    assert seen(found) == [("env-file", "gone.env", "compose.yaml:5:15")]


def test_a_missing_env_file_of_a_service_behind_a_profile_is_not_evaluated() -> None:
    text = "services:\n  web:\n    image: x\n    profiles: [gpu]\n    env_file: gone.env\n"

    assert seen(project(text)) == [("env-file", "gone.env", "compose.yaml:5:15")]
    with pytest.raises(ComposeError, match=r"the env_file gone\.env does not exist"):
        project(text, profiles=("gpu",))
    with pytest.raises(ComposeError, match=r"the env_file gone\.env does not exist"):
        project(text.replace("    profiles: [gpu]\n", ""))


def test_a_broken_env_file_of_a_service_behind_a_profile_is_not_evaluated() -> None:
    text = "services:\n  web:\n    image: x\n    profiles: [gpu]\n    env_file: a.env\n"

    found = project(text, files={"a.env": "A B=1\n"})

    assert seen(found) == [("env-file", "a.env", "compose.yaml:5:15")]
    assert found.not_evaluated[0].reason == "a variable name cannot hold a space"


def test_what_a_missing_env_file_could_change_is_unresolved() -> None:
    found = project(
        "services:\n"
        "  web:\n"
        "    image: x\n"
        "    profiles: [gpu]\n"
        "    environment: {OWN: 1}\n"
        "    env_file: [a.env, gone.env, b.env]\n",
        files={"a.env": "OWN=2\nNVIDIA_VISIBLE_DEVICES=0\n", "b.env": "C=$FROM_GONE\n"},
    )

    assert unresolved(found) == [
        ("NVIDIA_VISIBLE_DEVICES", "services.web.environment.NVIDIA_VISIBLE_DEVICES"),
        ("FROM_GONE", "services.web.environment.C"),
    ]


def test_an_optional_env_file_that_is_missing_leaves_variables_resolved() -> None:
    found = project(
        "services:\n  web:\n    image: x\n"
        "    env_file: [a.env, {path: gone.env, required: false}]\n",
        files={"a.env": "A=1\n"},
    )

    assert seen(found) == [("env-file", "gone.env", "compose.yaml:4:23")]
    assert unresolved(found) == []


def test_a_hook_has_everything_that_it_inherits() -> None:
    found = project(
        "services:\n"
        "  web:\n"
        "    image: x\n"
        "    privileged: true\n"
        "    gpus: all\n"
        "    devices: [/dev/kfd]\n"
        "    volumes: ['/:/host']\n"
        "    env_file: a.env\n"
        "    pre_start:\n"
        "      - command: [warm, up]\n",
        files={"a.env": "A=1\n"},
    )

    hook = found.tree["services"]["web"]["pre_start"][0]
    assert hook["image"] == "x"
    assert hook["privileged"] is True
    assert hook["gpus"] == [{"count": -1}]
    assert [device["source"] for device in hook["devices"]] == ["/dev/kfd"]
    assert hook["environment"] == {"A": "1"}
    assert "volumes" not in hook
    path = ("services", "web", "pre_start", 0)
    assert str(found.locate(path)) == "compose.yaml:10:9"
    assert str(found.locate((*path, "privileged"))) == "compose.yaml:4:17"
    assert str(found.locate((*path, "environment", "A"))) == "a.env:1:1"


def test_a_request_of_a_hook_without_count_is_evaluated_as_all() -> None:
    found = project(
        "services:\n"
        "  web:\n"
        "    image: x\n"
        "    pre_start:\n"
        "      - gpus: [{driver: nvidia}, {device_ids: ['0']}, {count: 0}]\n"
    )

    assert found.tree["services"]["web"]["pre_start"][0]["gpus"] == [
        {"driver": "nvidia", "count": -1},
        {"device_ids": ["0"]},
        {"count": 0},
    ]
    printed = found.config()["services"]["web"]["pre_start"][0]
    assert printed["gpus"] == [{"driver": "nvidia"}, {"device_ids": ["0"]}, {}]


def test_override_in_a_job_does_not_clear_what_it_extends() -> None:
    found = project(
        f"jobs:\n  base:\n{_JOB}    cap_add: [SYS_ADMIN]\n"
        "  seed:\n    extends: base\n    cap_add: !override [NET_ADMIN]\n"
    )

    assert found.tree["jobs"]["seed"]["cap_add"] == ["SYS_ADMIN", "NET_ADMIN"]


def test_a_job_whose_name_begins_with_x_is_not_evaluated_and_warned_of() -> None:
    found = project(f"jobs:\n  x-seed:\n{_JOB}")

    assert "jobs" not in found.tree
    assert found.config()["jobs"] == {"#extensions": {"command": None, "entrypoint": None}}
    assert found.warnings == ("jobs.x-seed: Compose ignores a job whose name begins with `x-`",)


def test_jobs_behind_a_profile_are_evaluated_with_the_services_that_they_start() -> None:
    text = (
        "services:\n"
        "  web: {image: x}\n"
        "  db: {image: x, profiles: [data], volumes: ['data:/d'], depends_on: [cache]}\n"
        "  cache: {image: x, profiles: [data]}\n"
        "  other: {image: x, profiles: [data]}\n"
        "  far: {image: x, profiles: [far]}\n"
        "volumes: {data: {}}\n"
        f"jobs:\n  seed:\n{_JOB}    profiles: [data]\n"
        "    depends_on:\n"
        "      db: {condition: service_started}\n"
        "      far: {condition: service_started, required: false}\n"
    )

    found = project(text, profiles=("none",))

    assert list(found.tree["services"]) == ["cache", "db", "web"]
    assert list(found.tree["jobs"]) == ["seed"]
    assert list(found.tree["volumes"]) == ["data"]
    printed = found.config()
    assert list(printed["services"]) == ["web"]
    assert "jobs" not in printed
    assert "volumes" not in printed


def test_resources_of_hooks_and_jobs_alone_are_evaluated_but_not_printed() -> None:
    found = project(
        "services:\n"
        "  web: {image: x, pre_start: [{volumes: ['aa:/a']}]}\n"
        f"jobs:\n  seed:\n{_JOB}    volumes: ['bb:/b']\n"
        "volumes: {aa: {name: other}, bb: {name: other}, cc: {name: other}}\n"
    )

    assert list(found.tree["volumes"]) == ["aa", "bb"]
    assert "volumes" not in found.config()


def test_a_service_cannot_depend_on_a_job() -> None:
    with pytest.raises(ComposeError) as error:
        project(f"services:\n  web:\n    image: x\n    depends_on: [seed]\njobs:\n  seed:\n{_JOB}")

    assert str(error.value) == (
        "compose.yaml:4:17: service 'web' depends on job 'seed', but a service can only depend on "
        "services"
    )


def test_a_name_is_that_of_a_service_or_of_a_job() -> None:
    with pytest.raises(ComposeError) as error:
        project(f"services:\n  web: {{image: x}}\njobs:\n  web:\n{_JOB}")

    assert str(error.value) == (
        "compose.yaml:4:3: 'web' is the name of a service and of a job: names must be unique"
    )


def test_jobs_count_as_services() -> None:
    jobs = "".join(f"  j{number}: *job\n" for number in range(2_000))
    text = f"x-job: &job\n{_JOB}services:\n  web: {{image: x}}\njobs:\n{jobs}"

    with pytest.raises(ComposeError, match="more than 2000 services and jobs"):
        project(text)


def refusal(files: dict[str, str], compose_files: list[str]) -> str:
    contents = {name: text.encode() for name, text in files.items()}
    with pytest.raises(ComposeError) as error:
        load(memory_bundle(contents, compose_files))
    return str(error.value)


_PART = "services:\n  db:\n    ports: ['80:80']\n"


@cases("base", ["compose.yaml", "docker-compose.yml"])
def test_an_override_alone_names_the_file_that_is_missing(base: str) -> None:
    files = {base: "services: {db: {image: x}}\n", "compose.prod.yaml": _PART}

    assert refusal(files, ["compose.prod.yaml"]) == (
        "compose.prod.yaml:2:3: service 'db' has neither an image nor a build nor a provider; "
        f"if compose.prod.yaml overrides another file, load both: -f {base} -f compose.prod.yaml"
    )


def test_an_override_in_a_folder_names_the_file_beside_it() -> None:
    files = {"a/compose.yml": "services: {db: {image: x}}\n", "a/b.yaml": _PART}

    assert refusal(files, ["a/b.yaml"]).endswith("load both: -f a/compose.yml -f a/b.yaml")


def test_an_override_without_a_known_base_says_that_one_is_missing() -> None:
    assert refusal({"b.yaml": _PART}, ["b.yaml"]).endswith("load both: -f BASE -f b.yaml")


def test_a_service_without_an_image_in_a_main_file_is_not_taken_for_an_override() -> None:
    assert refusal({"compose.yaml": _PART}, []) == (
        "compose.yaml:2:3: service 'db' has neither an image nor a build nor a provider: "
        "add one of them"
    )
