from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.workloads.dockerfile.instructions import Instructions, arg_pairs, env_pairs
from tests.support.cases import cases


def read(text: str) -> list[tuple[str, tuple[str, ...], str]]:
    """Return the instructions of `text`; of ONBUILD what stands behind it, marked."""
    found = []
    for each in Instructions(text):
        if each.trigger:
            trigger = each.trigger
            found.append((f"onbuild {trigger.command}", trigger.flags, trigger.arguments))
        else:
            found.append(each[:3])
    return found


@cases(
    ("text", "expected"),
    [
        ("", []),
        ("\n  \n# comment\n", []),
        ("FROM a AS b", [("from", (), "a AS b")]),
        ("\ufefffrom\ta\r\n  Run  x  y \n", [("from", (), "a"), ("run", (), "x  y")]),
        ("ENV A=1 \\\n  B=2", [("env", (), "A=1   B=2")]),
        ("ENV A\\\n=1\nENV B=2", [("env", (), "A=1"), ("env", (), "B=2")]),
        ("ENV A=1 \\ \t\n# no\n\n   # no\nB=2", [("env", (), "A=1 B=2")]),
        ("ENV A=1 \\\\\nENV B=2", [("env", (), "A=1 \\\\"), ("env", (), "B=2")]),
        ("ENV A=1\\", [("env", (), "A=1")]),
        ("\\\nENV A=1", [("env", (), "A=1")]),
        (
            "# not a directive\n# escape=`\nENV A=1`\nENV B=2",
            [("env", (), "A=1`"), ("env", (), "B=2")],
        ),
        ("# escape=`\nENV A=1 `\nB=2 \\\nENV C=3", [("env", (), "A=1 B=2 \\"), ("env", (), "C=3")]),
        ("#syntax=x\n#  ESCAPE = ` \nENV A=1`\n2", [("env", (), "A=12")]),
        ("\n# escape=`\nENV A=1`\n2", [("env", (), "A=1`"), ("2", (), "")]),
        ("ONBUILD ENV A=1", [("onbuild env", (), "A=1")]),
        ("ONBUILD ONBUILD ENV A=1", [("onbuild", (), "ONBUILD ENV A=1")]),
    ],
)
def test_lines_are_joined_to_instructions(
    text: str, expected: list[tuple[str, tuple[str, ...], str]]
) -> None:
    assert read(text) == expected


@cases(
    ("line", "flags", "arguments"),
    [
        ("--device=a --security=insecure x --y", ("--device=a", "--security=insecure"), "x --y"),
        ("  --a=\"b c\"'d'\\ e  x", ("--a=b cd e",), "x"),
        ("--a -- --device=b", ("--a",), "--device=b"),
        ("x --device=a", (), "x --device=a"),
        ("-a", (), "-a"),
        ("--a", ("--a",), ""),
        ("--a=\u00e0--device=b x", ("--a=\u00c3", "--device=b"), "x"),
        ("\u00a0--device=a", (), "--device=a"),
    ],
)
def test_flags_stand_before_the_arguments(
    line: str, flags: tuple[str, ...], arguments: str
) -> None:
    assert read(f"RUN {line}") == [("run", flags, arguments)]


@cases(
    "text",
    [
        "RUN <<E\nENV A=1\nE\nENV B=2",
        "RUN x <<-E\nENV A=1\n\t\tE\nENV B=2",
        "RUN << 'E'\nENV A=1\nE\nENV B=2",
        'RUN <<"E"\nENV A=1\nE\nENV B=2',
        "RUN 3<<E y\nENV A=1\nE\r\nENV B=2",
        "COPY <<E <<F /x/\nENV A=1\nE\nENV A=2\nF\nENV B=2",
        "ADD <<E /x\n# ENV A=1\\\nE\nENV B=2",
        "ONBUILD RUN <<E\nENV A=1\nE\nENV B=2",
        "RUN <<'# x'\nENV A=1\n# x\nENV B=2",
        "RUN <<E$X\nENV A=1\nE$X\nENV B=2",
    ],
)
def test_the_content_of_a_here_document_is_no_instruction(text: str) -> None:
    assert read(text)[1:] == [("env", (), "B=2")]


@cases(
    "line",
    [
        "RUN '<<E'",
        'RUN "<<E"',
        "RUN x<<E",
        "RUN \\<<E",
        'RUN ["x", "<<E"]',
        "RUN it's <<E",
        "RUN ${a@x} <<E",
        "RUN <<${A:-E}",
        "LABEL <<E",
        "RUN <<",
        "RUN <<''",
        "RUN <<F",
    ],
)
def test_what_opens_no_here_document_hides_nothing(line: str) -> None:
    assert ("env", (), "A=1") in read(f"{line}\nENV A=1\nE\n")


def test_a_json_form_with_other_than_strings_is_no_json_form() -> None:
    assert ("env", (), "A=1") not in read("RUN [1] <<E\nENV A=1\nE\n")
    assert len(read("RUN " + "[" * 100_000 + " <<E\nE\nENV A=1")) == 2


@cases(
    ("arguments", "pairs"),
    [
        ("A=1 B=two", [("A", "1"), ("B", "two")]),
        ("A='x y' B=\"p q\" C=a\\ b", [("A", "'x y'"), ("B", '"p q"'), ("C", "a\\ b")]),
        ("A=b=c", [("A", "b=c")]),
        ("A=", [("A", "")]),
        ('"A"=1', [('"A"', "1")]),
        ("A value  with = signs", [("A", "value  with = signs")]),
        ("A\tvalue", [("A", "value")]),
        ("A", []),
        ("A=1 B", []),
        ("", []),
        ("A='open x", [("A", "'open x")]),
        ('A="esc\\" x" B=2', [("A", '"esc\\" x"'), ("B", "2")]),
    ],
)
def test_env_takes_pairs_or_one_name_and_value(
    arguments: str, pairs: list[tuple[str, str]]
) -> None:
    assert env_pairs(arguments, "\\") == pairs


def test_arg_takes_names_with_and_without_defaults() -> None:
    assert arg_pairs("A B=1 C='x y'", "\\") == [("A", None), ("B", "1"), ("C", "'x y'")]


@pytest.mark.thorough
def test_many_open_here_documents_are_read_in_one_pass() -> None:
    assert len(read("RUN <<E\n" * 20_000)) == 20_000


@pytest.mark.thorough
@given(st.text(alphabet="RUNEV <=-\\\n'\"#A$`{}\t", max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert all(command for command, _, _ in read(text))
