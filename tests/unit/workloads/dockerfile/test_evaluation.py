from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model import ImageConfig
from policyd.workloads.dockerfile.evaluation import MAX_GROWTH, Dockerfile, read
from policyd.workloads.model import (
    RunFlag,
)
from tests.support.cases import cases


def environment(
    text: str, target: str = "", arguments: dict[str, str] | None = None
) -> dict[str, str]:
    return read(text, target, arguments or {}).environment


def flags(text: str) -> list[tuple[str, str]]:
    return [(flag.name, flag.value) for flag in read(text, "", {}).run_flags]


def test_env_sets_variables_in_both_forms() -> None:
    text = "FROM base\nENV A=1 B='x y'\nENV C old  form\nenv D \"quoted\"\n"

    assert environment(text) == {"A": "1", "B": "x y", "C": "old  form", "D": "quoted"}


def test_a_later_env_wins_and_comments_do_not_count() -> None:
    assert environment("FROM base\nENV A=all\n# ENV A=no\nENV \\\n# ENV B=no\nA=void\n") == {
        "A": "void"
    }


def test_env_sees_variables_as_they_were_before_it() -> None:
    assert environment("FROM base\nENV A=1\nENV A=2 B=$A\nENV C=${A}${NO:-d}$NO\n") == {
        "A": "2",
        "B": "1",
        "C": "2d",
    }


def test_names_are_expanded_too() -> None:
    text = 'FROM base\nARG N=NVIDIA_VISIBLE_DEVICES\nENV $N=all\nENV "Q"=1\n'

    assert environment(text) == {"NVIDIA_VISIBLE_DEVICES": "all", "Q": "1"}


def test_build_arguments_override_the_defaults_of_arg_where_it_stands() -> None:
    text = "ARG G=global\nFROM base\nENV A=$G\nARG G\nARG V=default\nENV B=$G-$V\n"

    assert environment(text) == {"A": "", "B": "global-default"}
    assert environment(text, arguments={"V": "given", "G": "given too", "A": "unseen"}) == {
        "A": "",
        "B": "given too-given",
    }
    assert environment("FROM base\nENV A=$V\n", arguments={"V": "undeclared"}) == {"A": ""}


def test_arg_alone_sets_no_variable_of_the_container() -> None:
    assert environment("ARG A=1\nFROM base\nARG B=2\nARG C\n") == {}


def test_variables_and_arguments_of_a_stage_reach_the_stages_built_from_it_and_no_others() -> None:
    text = (
        "FROM base AS One\nENV A=1\nARG S=2\n"
        "FROM other AS two\nENV B=[$A$S]\n"
        "ARG BASE=one\nFROM one\nENV C=[$A$S]\n"
    )

    assert environment(text) == {"A": "1", "C": "[12]"}
    assert environment(text, "two") == {"B": "[]"}


def test_a_base_is_named_with_global_arguments() -> None:
    text = "ARG BASE=one\nFROM x AS one\nENV A=1\nFROM ${BASE}\nENV B=$A\n"

    assert environment(text)["B"] == "1"


def test_the_environment_is_that_of_the_target() -> None:
    text = (
        "FROM base AS builder\nENV A=builder ONLY=builder\n"
        "FROM base AS runtime\nENV A=runtime\n"
        "FROM base AS last\nENV A=last\nCOPY --from=builder /x /x\n"
    )

    assert environment(text) == {"A": "last"}
    assert environment(text, "RUNTIME") == {"A": "runtime"}
    assert environment(text, "0") == {"A": "builder", "ONLY": "builder"}
    assert environment(text, "3") == {"A": "last"}
    assert environment(text, "none such") == {"A": "last"}
    assert environment(text, "9" * 5000) == {"A": "last"}


def test_the_last_of_two_stages_of_one_name_is_the_target_and_the_one_before_is_the_base() -> None:
    text = "FROM x AS a\nENV N=1\nFROM a AS a\nENV M=$N\nFROM x\n"

    assert environment(text, "a") == {"N": "1", "M": "1"}


def test_the_base_is_the_image_that_the_first_stage_of_the_target_starts_from() -> None:
    text = "ARG V=12.4.1\nFROM a/b:1 AS tool\nFROM nvidia/cuda:$V AS deps\nFROM Deps\nCOPY . .\n"

    assert read(text, "", {}).base == "nvidia/cuda:12.4.1"
    assert read(text, "", {"V": "13.0.0"}).base == "nvidia/cuda:13.0.0"
    assert read(text, "tool", {}).base == "a/b:1"
    assert read("FROM --platform=$BUILDPLATFORM x\n", "", {}).base == "x"
    assert read("FROM img-$TARGETARCH\n", "", {}).base == "img-amd64"
    assert read("# nothing\n", "", {}).base == ""


def test_the_user_is_the_last_of_the_target() -> None:
    text = "FROM x AS a\nUSER app\nFROM a\nARG U=42\nUSER $U:$U\nFROM x AS c\n"

    assert read(text, "1", {}).user == "42:42"
    assert read(text, "a", {}).user == "app"
    assert read(text, "c", {}).user == ""


def test_arguments_that_buildkit_defines_are_known_where_they_are_declared() -> None:
    text = "FROM base\nENV A=[${TARGETOS}]\nARG TARGETOS\nENV B=[${TARGETOS:+all}] C=${PATH:+set}\n"

    assert environment(text) == {"A": "[]", "B": "[all]", "C": "set"}
    assert environment(text, arguments={"TARGETOS": ""})["B"] == "[]"


def test_an_image_that_is_known_brings_its_environment() -> None:
    images = {"app": Dockerfile({"A": "1", "B": "2"}, user="me", base="nvidia/cuda:12.4.1")}

    found = read("FROM app:latest\nENV B=3 C=$A\n", "", {}, images)

    assert found.environment == {"A": "1", "B": "3", "C": "1"}
    assert (found.user, found.base) == ("me", "nvidia/cuda:12.4.1")


def test_an_image_that_replaces_a_stage_replaces_its_instructions() -> None:
    images = {"deps": Dockerfile({"A": "given"}, base="other")}

    found = read("FROM x AS deps\nENV A=1 B=2\nFROM deps\nENV C=$A\n", "", {}, images)

    assert found.environment == {"A": "given", "C": "given"}
    assert found.base == "other"


def test_the_frontend_is_named() -> None:
    assert read("# syntax=docker/dockerfile:1\nFROM x\n", "", {}).frontend == "docker/dockerfile:1"
    assert read("FROM x\n# syntax=late\n", "", {}).frontend == ""


def test_onbuild_acts_in_stages_built_from_the_stage_only() -> None:
    text = "FROM base AS one\nENV A=all\nONBUILD ENV A=void\n"

    assert environment(text) == {"A": "all"}
    assert environment(text + "FROM one\nENV B=$A\n") == {"A": "void", "B": "void"}


def test_before_the_first_stage_nothing_is_set() -> None:
    assert environment("ENV A=1\nFROM base\n") == {}
    assert environment("") == {}


def test_what_buildkit_would_refuse_is_left_as_it_is_written() -> None:
    assert environment("FROM base\nENV A=${B@x}\nENV C='open\nENV D\nENV E=1 F\n") == {
        "A": "${B@x}",
        "C": "'open",
    }


def test_the_escape_directive_holds_for_values_too() -> None:
    assert environment("# escape=`\nFROM base\nENV A=C:\\x`ty B=`$x\n") == {
        "A": "C:\\xty",
        "B": "$x",
    }


def test_values_that_double_are_not_followed_beyond_a_limit() -> None:
    lines = "".join(f"ENV A{n + 1}=$A{n}$A{n}\n" for n in range(64))

    found = environment(f"FROM base\nENV A0=0123456789\n{lines}")

    assert found["A10"] == "0123456789" * 2**10
    assert sum(map(len, found.values())) < 2 * MAX_GROWTH


@pytest.mark.thorough
def test_many_stages_and_variables_are_read_in_one_pass() -> None:
    variables = "".join(f"ENV A{n}=x\n" for n in range(5_000))
    stages = "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(5_000))

    assert len(environment(f"FROM base AS s0\n{variables}{stages}")) == 5_000


# --- flags of RUN ---------------------------------------------------------------------------------


@cases(
    ("line", "expected"),
    [
        ("RUN --security=insecure mknod x", [("security", "insecure")]),
        ("run --device=nvidia.com/gpu=all x", [("device", "nvidia.com/gpu=all")]),
        (
            "RUN --device=required,name=nvidia.com/gpu=0 --mount=type=cache,target=/x y",
            [("device", "nvidia.com/gpu=0"), ("mount", "type=cache,target=/x")],
        ),
        ('RUN --device="NAME=a.b/c,required=false" x', [("device", "a.b/c")]),
        ("RUN --device=a.b/c=d,required x", [("device", "a.b/c=d")]),
        ("RUN --device=required x", [("device", "required")]),
        ("RUN --device= x", [("device", "")]),
        ("RUN --device x", [("device", "")]),
        (f"RUN --device={'a' * 200_000} x", [("device", "a" * 200_000)]),
        ("RUN \\\n  --security=\\\ninsecure x", [("security", "insecure")]),
        ("ONBUILD RUN --security=insecure x", [("security", "insecure")]),
        ("RUN x --security=insecure", []),
        ("# RUN --security=insecure x", []),
        ("RUN <<E\nRUN --security=insecure x\nE", []),
        ("COPY --device=x a b", []),
        ("RUN echo \\\n# --security=insecure\n x", []),
    ],
)
def test_flags_of_run_are_found(line: str, expected: list[tuple[str, str]]) -> None:
    assert flags(f"FROM base\n{line}\n") == expected


def test_flags_of_the_stages_up_to_the_target_count() -> None:
    text = "FROM a AS one\nRUN --device=1 x\nFROM b AS two\nRUN --device=2 x\n"

    assert flags(text) == [("device", "1"), ("device", "2")]
    assert read(text, "one", {}).run_flags == (RunFlag("device", "1"),)


def test_flags_of_onbuild_count_where_they_stand() -> None:
    text = "FROM a AS one\nRUN --security=insecure x\nONBUILD RUN --device=b.c/d x\nFROM one\n"

    assert flags(text) == [("security", "insecure"), ("device", "b.c/d")]


PARTS = ["FROM a AS b\n", "FROM b\n", "ENV A=$B\n", "ARG B=1\n", "RUN --device=", "ONBUILD "]
MARKS = ["ENV ", "ARG ", "<<E ", "E\n", "${A:-", "}", "x", " ", "#", '"', "\n", "\\\n"]


@pytest.mark.thorough
@given(st.lists(st.sampled_from(PARTS + MARKS), max_size=25))
def test_any_text_is_read(parts: list[str]) -> None:
    found = read("".join(parts), "", {"B": "given"})

    assert all(isinstance(value, str) for value in found.environment.values())


def test_variables_of_the_base_are_expanded_but_the_dockerfile_does_not_set_them() -> None:
    asked: list[tuple[str, str]] = []

    def config_of(reference: str, platform: str) -> ImageConfig:
        asked.append((reference, platform))
        return ImageConfig({"GPUS": "all", "HOME": "/root", "PATH": "/cuda/bin"})

    text = (
        "FROM base:1 AS a\nENV A=$GPUS B=${HOME:-none} PATH=$PATH:/app\nUSER u$GPUS\n"
        "FROM a\nENV HOME=$HOME/x C=${NO:-d}\n"
    )
    found = read(text, "", {}, config_of=config_of)

    assert found.environment == {
        "A": "all",
        "B": "/root",
        "PATH": "/cuda/bin:/app",
        "HOME": "/root/x",
        "C": "d",
    }
    assert (found.user, found.base) == ("uall", "base:1")
    assert set(asked) == {("base:1", "")}


def test_arg_and_env_of_the_dockerfile_win_over_variables_of_the_base() -> None:
    base = ImageConfig({"A": "base", "B": "base"})
    text = "FROM base\nARG A=arg\nENV C=$A-$B\nENV B=env\nENV D=$B\n"

    found = read(text, "", {}, config_of=lambda _reference, _platform: base)

    assert found.environment == {"C": "arg-base", "B": "env", "D": "env"}


def test_a_context_brings_the_variables_of_its_own_base() -> None:
    images = {"app": Dockerfile({"A": "1"}, base="other:2", base_platform="linux/arm64")}
    known = {("other:2", "linux/arm64"): ImageConfig({"A": "0", "B": "2"})}

    found = read(
        "FROM app\nENV C=$A-$B\n",
        "",
        {},
        images,
        config_of=lambda reference, platform: known.get((reference, platform)),
    )

    assert found.environment == {"A": "1", "C": "1-2"}
    assert (found.base, found.base_platform) == ("other:2", "linux/arm64")


@cases(
    ("line", "expected"),
    [
        ("FROM x", "linux/arm64/v8"),
        ("FROM --platform=linux/s390x x", "linux/s390x"),
        ("FROM --platform=$BUILDPLATFORM x", "linux/amd64"),
        ("FROM --platform=${TARGETPLATFORM} x", "linux/arm64/v8"),
    ],
)
def test_the_base_has_the_platform_that_from_names_else_that_of_the_build(
    line: str, expected: str
) -> None:
    assert read(f"{line}\n", "", {}, platform="linux/arm64/v8").base_platform == expected


def test_arguments_of_the_target_are_those_of_the_platform_that_is_built_for() -> None:
    text = (
        "FROM x-$TARGETARCH\nARG TARGETPLATFORM TARGETOS TARGETVARIANT BUILDARCH\n"
        "ENV A=$TARGETPLATFORM,$TARGETOS,$TARGETVARIANT,$BUILDARCH\n"
    )

    found = read(text, "", {}, platform="linux/arm/v7")

    assert found.base == "x-arm"
    assert found.environment == {"A": "linux/arm/v7,linux,v7,amd64"}
    assert read("FROM x\n", "", {}).base_platform == ""


def test_onbuild_of_the_base_acts_at_the_start_of_the_stage() -> None:
    base = ImageConfig(
        {"G": "all"},
        on_build=(
            "ENV NVIDIA_VISIBLE_DEVICES=$G",
            "RUN --device=nvidia.com/gpu=all x",
            "ARG A=1",
            "USER app",
            "ONBUILD ENV B=1",
            "FROM other",
            "ENV C=1\nENV D=1",
            "# ENV E=1",
        ),
    )
    text = "FROM base AS a\nENV F=$A\nFROM a\nENV H=1\n"

    found = read(text, "", {}, config_of=lambda reference, _: base if reference == "base" else None)

    assert found.environment == {"NVIDIA_VISIBLE_DEVICES": "all", "F": "1", "H": "1"}
    assert (found.user, found.base) == ("app", "base")
    assert found.run_flags == (RunFlag("device", "nvidia.com/gpu=all"),)


def test_onbuild_of_an_image_that_a_context_replaces_does_not_act() -> None:
    base = ImageConfig(on_build=("ENV A=1",))
    images = {"base": Dockerfile({"B": "2"})}

    found = read("FROM base\n", "", {}, images, config_of=lambda _reference, _platform: base)

    assert found.environment == {"B": "2"}
