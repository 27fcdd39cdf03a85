"""What the first comment of a sample says, and mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import PolicySetError
from policyd.sample_comments import expected_policies, sample_settings
from tests.support.cases import cases


@cases(
    ("text", "expected"),
    [
        ("# expect: nothing\n", []),
        ("# expect: b a a\n# host: x\n", ["a", "a", "b"]),
    ],
)
def test_the_first_line_states_the_violations(text: str, expected: list[str]) -> None:
    assert expected_policies(Path("s.yaml"), text, {"a", "b"}) == expected


@cases(
    ("text", "message"),
    [
        (
            "# expects: a\n",
            "s.yaml:1:1: a sample must begin with the line `# expect: <policy id> …` or "
            "`# expect: nothing`",
        ),
        ("# expect: c\n", "s.yaml:1:1: unknown policy 'c'"),
    ],
)
def test_a_first_line_that_is_not_right_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicySetError) as caught:
        expected_policies(Path("s.yaml"), text, {"a"})
    assert str(caught.value) == message


def test_settings_are_read_and_other_comments_are_free(tmp_path: Path) -> None:
    sample = tmp_path / "s.yaml"
    sample.write_text(
        "# expect: a\n# note: a host that others share\n# host: gpu-01\n"
        "# constraints: {a: {}}\nservices: {}\n# hosts: no setting here\n"
    )

    found = sample_settings(sample)

    assert list(found) == ["host", "constraints"]
    assert found["host"].text() == "gpu-01"


@cases(
    ("line", "shown"),
    [
        ("# constraint: {a: {}}", "'# constraint:'; did you mean '# constraints:'?"),
        ("# hosts: gpu-01", "'# hosts:'; did you mean '# host:'?"),
        ("#host: gpu-01", "'#host:'; did you mean '# host:'?"),
    ],
)
def test_a_setting_that_is_misspelt_is_refused(tmp_path: Path, line: str, shown: str) -> None:
    sample = tmp_path / "s.yaml"
    sample.write_text(f"# expect: a\n{line}\nservices: {{}}\n")

    with pytest.raises(PolicySetError) as caught:
        sample_settings(sample)
    assert str(caught.value) == f"{sample}:2:1: unknown setting {shown}"
