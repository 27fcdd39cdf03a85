from __future__ import annotations

from typing import Any

import pytest

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.errors import ComposeError
from policyd.model import Location, NotEvaluated
from policyd.workloads import builds as module
from policyd.workloads.extraction import extract
from policyd.workloads.model import Build, RunFlag, Workload
from tests.support.cases import cases

GPUS = "FROM nvidia/cuda:12.4.1-base\nENV NVIDIA_VISIBLE_DEVICES=all\n"


def extracted(compose: str, **files: str) -> tuple[dict[str, Workload], tuple[NotEvaluated, ...]]:
    """Return the workloads by name, and what was not evaluated; "__" in names of files is "/"."""
    contents = {"compose.yaml": compose.encode()}
    contents |= {name.replace("__", "/"): text.encode() for name, text in files.items()}
    bundle = memory_bundle(contents, profiles=["*"])
    found = extract(load(bundle), bundle.files)
    return {each.name: each for each in found.workloads}, found.not_evaluated


def build(keys: str, **files: str) -> Build:
    """Return the build of a service whose key `build` is `keys`; nothing may be left out."""
    found, not_evaluated = extracted(f"services:\n  app:\n    build: {keys}\n", **files)
    assert not_evaluated == ()
    result = found["app"].build
    assert result
    return result


def not_read(keys: str, **files: str) -> NotEvaluated:
    """Return the one thing that was not evaluated; the build sets nothing then."""
    compose = f"services:\n  app:\n    build: {keys}\n"
    found, [not_evaluated] = extracted(compose, **files)
    result = found["app"].build
    assert result
    assert (result.environment, result.base, result.run_flags) == ({}, "", ())
    return not_evaluated


@cases(
    ("keys", "name"),
    [
        (".", "Dockerfile"),
        (".", "dockerfile"),
        ("./sub", "sub__Dockerfile"),
        ("{context: ., dockerfile: sub/gpu.Dockerfile}", "sub__gpu.Dockerfile"),
        ("{context: sub, dockerfile: ../Other}", "Other"),
        ("{context: sub, dockerfile: /project/Other}", "Other"),
        ("{dockerfile: Other}", "Other"),
    ],
)
def test_the_dockerfile_is_read_where_compose_reads_it(keys: str, name: str) -> None:
    found = build(keys, **{name: GPUS})

    assert found.environment == {"NVIDIA_VISIBLE_DEVICES": "all"}
    assert found.base == "nvidia/cuda:12.4.1-base"
    assert found.dockerfile == name.replace("__", "/")


def test_the_upper_case_name_goes_before_the_lower_case_one() -> None:
    assert build(".", Dockerfile="FROM a\n", dockerfile=GPUS).base == "a"


def test_the_path_is_that_of_the_key_that_names_the_dockerfile() -> None:
    path = ("services", "app", "build")

    assert build("{context: ., dockerfile: D}", D=GPUS).dockerfile_path == (*path, "dockerfile")
    assert build("{dockerfile_inline: FROM x}").dockerfile_path == (*path, "dockerfile_inline")
    assert build("{dockerfile_inline: FROM x}").dockerfile == ""


def test_target_arguments_and_flags_are_those_of_the_build() -> None:
    text = "FROM x AS a\nARG N\nENV A=$N\nRUN --security=insecure y\nFROM x\nENV A=no\n"

    found = build("{context: ., target: a, args: {N: all, M: null}}", Dockerfile=text)

    assert found.environment == {"A": "all"}
    assert found.run_flags == (RunFlag("security", "insecure"),)


def test_a_job_is_built_and_a_hook_is_not() -> None:
    compose = (
        "services: {web: {build: ., pre_start: [{command: [a], image: y}]}}\n"
        "jobs: {nightly: {build: ., triggers: {manual: true}}}\n"
    )

    found, _ = extracted(compose, Dockerfile=GPUS)

    assert {name: each.build and each.build.base for name, each in found.items()} == {
        "web": "nvidia/cuda:12.4.1-base",
        "web/pre_start/0": None,
        "nightly": "nvidia/cuda:12.4.1-base",
    }


@cases(
    ("keys", "reason"),
    [
        (".", "Dockerfile is not among the files"),
        ("{context: ., dockerfile: no/such}", "no/such is not among the files"),
        ("{context: ., dockerfile: sub}", "sub cannot be read"),
        ("{context: .., dockerfile: D}", "/D cannot be read"),
        ('{context: ., dockerfile: "x\\0"}', "'/project/x\\x00' cannot be read"),
        ("{context: ., dockerfile: ../../etc/passwd}", "/etc/passwd cannot be read"),
        ("https://token:secret@example.org/x.git", "the build context is not a local folder"),
        ("github.com/a/b", "the build context is not a local folder"),
    ],
)
def test_a_dockerfile_that_cannot_be_read_is_not_evaluated(keys: str, reason: str) -> None:
    found = not_read(keys, sub__x="")

    assert (found.kind, found.what, found.reason) == (
        "dockerfile",
        "Dockerfile of service app",
        reason,
    )
    assert found.location
    assert (found.location.file, found.location.line) == ("compose.yaml", 3)


def test_another_frontend_is_not_evaluated() -> None:
    def reasons(keys: str, text: str) -> list[str]:
        _, found = extracted(f"services:\n  app:\n    build: {keys}\n", Dockerfile=text)
        return [each.reason for each in found]

    strange = ["another frontend than Docker's reads it"]
    assert reasons(".", "# syntax=docker/dockerfile:1-labs\nFROM x\n") == []
    assert reasons(".", "# syntax=docker.io/docker/dockerfile-upstream:master\nFROM x\n") == []
    assert reasons(".", "# syntax=evil/frontend\nFROM x\n") == strange
    assert reasons(".", "# syntax=docker/dockerfile-evil\nFROM x\n") == strange
    assert reasons("{context: ., args: {BUILDKIT_SYNTAX: evil/x}}", "FROM x\n") == strange


def test_additional_contexts_replace_names_in_from() -> None:
    compose = (
        "services:\n"
        "  app: {build: {context: ., additional_contexts: {base: 'service:lib'}}}\n"
        "  img: {build: {context: ., additional_contexts: {base: 'docker-image://nvidia/cuda:1'}}}\n"
        "  dir: {build: {context: ., additional_contexts: {base: ./sub}}}\n"
        "  lib: {build: sub}\n"
    )

    found, _ = extracted(compose, Dockerfile="FROM base\nENV A=1\n", sub__Dockerfile=GPUS)

    result = {name: each.build for name, each in found.items()}
    assert {name: each and (each.base, each.environment) for name, each in result.items()} == {
        "app": ("nvidia/cuda:12.4.1-base", {"NVIDIA_VISIBLE_DEVICES": "all", "A": "1"}),
        "img": ("nvidia/cuda:1", {"A": "1"}),
        "dir": ("", {"A": "1"}),
        "lib": ("nvidia/cuda:12.4.1-base", {"NVIDIA_VISIBLE_DEVICES": "all"}),
    }


def chain(number: int) -> dict[str, Any]:
    """Return the text of a project in which each build starts from the next."""
    service = "s{}: {{build: {{context: ., additional_contexts: {{base: 'service:s{}'}}}}}}"
    services = ", ".join(service.format(each, each + 1) for each in range(number))
    return {
        "compose": f"services: {{{services}, s{number}: {{build: sub}}}}",
        "Dockerfile": "FROM base\n",
        "sub__Dockerfile": GPUS,
    }


def test_builds_that_start_from_each_other_are_followed_to_a_limit() -> None:
    found, _ = extracted(**chain(module.MAX_CONTEXTS))
    assert found["s0"].build
    assert found["s0"].build.environment == {"NVIDIA_VISIBLE_DEVICES": "all"}

    with pytest.raises(ComposeError, match="more than 50 builds start from each other"):
        extracted(**chain(module.MAX_CONTEXTS + 1))


def test_dockerfiles_have_a_limit_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    compose = "services: {a: {build: .}, b: {build: .}, c: {build: sub}}"
    monkeypatch.setattr(module, "MAX_DOCKERFILES", 20)

    assert len(extracted(compose, Dockerfile="#" * 15, sub__Dockerfile="#" * 5)[0]) == 3
    with pytest.raises(ComposeError, match="exceed the limit of 20 characters"):
        extracted(compose, Dockerfile="#" * 15, sub__Dockerfile="#" * 6)


def test_variables_have_a_limit_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    compose = "services: {a: {build: .}, b: {build: .}}"
    monkeypatch.setattr(module, "MAX_ENVIRONMENT", 20)

    assert len(extracted(compose, Dockerfile="FROM x\nENV A=123456789\n")[0]) == 2
    with pytest.raises(ComposeError, match="Dockerfiles set exceed the limit of 20 characters"):
        extracted(compose, Dockerfile="FROM x\nENV A=1234567890\n")


def test_the_dockerfile_is_located_in_the_compose_file() -> None:
    [found] = extracted("services:\n  app:\n    build: {context: ., dockerfile: X}\n")[1]

    assert found.location == Location("compose.yaml", 3, 37)
