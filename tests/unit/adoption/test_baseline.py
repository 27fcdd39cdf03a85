from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from policyd.adoption.baseline import (
    Baseline,
    Entry,
    Known,
    compare,
    known_violations,
    read_baseline,
    without_known,
    write_baseline,
)
from policyd.errors import ConfigError
from policyd.model import Decision, Location, Status, Violation

TEXT = "services:\n  web:\n    cap_add: [SYS_ADMIN, NET_ADMIN]\n    privileged: ${P:-true}\n"


def violation(path: str, line: int, column: int, **changes: object) -> Violation:
    parts = tuple(int(part) if part.isdigit() else part for part in path.split("/"))
    found = Violation("p", "c", "deny", "high", "m", "", "web", parts, Location("f", line, column))
    return msgspec.structs.replace(found, **changes)


FIRST = violation("services/web/cap_add/0", 3, 15)
SECOND = violation("services/web/cap_add/1", 3, 26)
VARIABLE = violation("services/web/privileged", 4, 17)


def known(*violations: Violation, text: str = TEXT) -> tuple[Known, ...]:
    decision = Decision("1", False, Status(403, "Forbidden", ""), violations=violations)
    return known_violations(decision, "app", {"f": text.encode()}.get, lambda name: f"app/{name}")


def entries(*violations: Violation, text: str = TEXT) -> tuple[Entry, ...]:
    return tuple(one.entry for one in known(*violations, text=text))


def test_an_entry_names_the_place_without_positions() -> None:
    (entry,) = entries(FIRST)

    assert entry.place == ("app", "p", "c", "app/f", "services/web/cap_add/*")
    assert len(entry.value) == 32


def test_an_entry_does_not_depend_on_lines_positions_and_messages() -> None:
    moved = "\n# comment\n" + TEXT.replace("[SYS_ADMIN, NET_ADMIN]", "[ NET_ADMIN, SYS_ADMIN ]")
    found = violation("services/web/cap_add/1", 5, 27, message="another", severity="low")

    assert entries(FIRST) == entries(found, text=moved)


def test_an_entry_depends_on_the_value_and_the_constraint() -> None:
    other = TEXT.replace("SYS_ADMIN", "SYS_PTRAC")

    assert entries(FIRST) != entries(FIRST, text=other)
    assert entries(FIRST) != entries(SECOND)
    assert entries(FIRST) != entries(msgspec.structs.replace(FIRST, constraint="d"))


def test_the_message_counts_for_a_value_with_a_variable_or_without_a_place_in_yaml() -> None:
    for found, text in ((VARIABLE, TEXT), (FIRST, "NOT=yaml"), (FIRST, ""), (FIRST, "a: [")):
        other = msgspec.structs.replace(found, message="another")
        assert entries(found, text=text) != entries(other, text=text)

    nowhere = msgspec.structs.replace(FIRST, location=None)
    assert entries(nowhere)[0].file == ""


def test_only_violations_that_deny_have_entries() -> None:
    warning = msgspec.structs.replace(FIRST, enforcement_action="warn")

    assert entries(warning, SECOND) == entries(SECOND)


def test_violations_are_new_changed_or_known_and_entries_gone() -> None:
    before = Baseline(entries=entries(FIRST, SECOND))
    changed = known(FIRST, text=TEXT.replace("SYS_ADMIN", "SYS_TIME"))
    found = (*changed, *known(SECOND, VARIABLE))

    result = compare(before, found, ["app"], lambda project: True)

    assert (result.new, result.changed) == (known(VARIABLE), changed)
    assert (result.known, result.gone) == (known(SECOND), entries(FIRST))


def test_each_entry_covers_one_violation() -> None:
    twice = known(FIRST, FIRST)

    assert compare(Baseline(entries=entries(FIRST)), twice, ["app"], bool).new == twice[:1]
    assert compare(Baseline(entries=entries(FIRST, FIRST)), twice, ["app"], bool).new == ()


def test_a_known_violation_counts_as_exempted() -> None:
    warning = msgspec.structs.replace(SECOND, enforcement_action="warn")
    status = Status(403, "Forbidden", "")
    decision = Decision("1", False, status, violations=(FIRST, FIRST, warning))

    once = without_known(decision, [FIRST], "base.json")
    twice = without_known(decision, [FIRST, FIRST], "base.json")

    assert (once.allowed, once.status.code, once.violations) == (False, 403, (FIRST, warning))
    assert (twice.allowed, twice.status.code, twice.violations) == (True, 200, (warning,))
    assert [(one.path, one.exception, one.reason) for one in once.exempted] == [
        (FIRST.path, "base.json", "known violation")
    ]
    assert len(twice.exempted) == 2


def test_entries_of_projects_that_were_not_evaluated_are_gone_only_with_the_project() -> None:
    before = Baseline(entries=entries(FIRST))

    assert compare(before, [], ["other"], lambda project: True).gone == ()
    assert compare(before, [], ["other"], lambda project: project != "app").gone == entries(FIRST)
    assert compare(before, [], ["app"], lambda project: True).gone == entries(FIRST)


def test_a_written_baseline_is_read_again_and_has_one_line_for_each_entry(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    write_baseline(file, entries(SECOND, FIRST))

    assert read_baseline(file).entries == tuple(sorted(entries(FIRST, SECOND)))
    assert len(file.read_text().splitlines()) == 8

    write_baseline(file, [])
    assert read_baseline(file) == Baseline()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "is not a baseline: "),
        (b"{", "is not a baseline: "),
        (b'{"kind": "Exception"}', "apiVersion must be policyd/v1 and kind Baseline"),
        (b'{"kind": "Baseline", "x": 1}', "`x`"),
        (b'{"entries": [{"project": "a"}]}', "`policy`"),
    ],
)
def test_another_document_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "b.json"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"^.*b\.json: is not a baseline: ") as raised:
        read_baseline(file)
    assert message in str(raised.value)


def test_a_file_that_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_baseline(tmp_path / "nosuch")
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        write_baseline(tmp_path / "nosuch" / "b.json", [])
