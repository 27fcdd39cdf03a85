from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from policyd.formats.report.entries import Report, entries
from policyd.formats.report.reviewed import MAX_LINE, Reviewed, dependence, places, reviewed
from policyd.model import Decision, Location, NotEvaluated, Status
from tests.support.cases import cases
from tests.support.reports import EXEMPTED, VIOLATION

PLACE = Location("compose.yaml", 4, 5)


def decision(*places: Location | None, status: Location | None = None) -> Decision:
    violations = tuple(msgspec.structs.replace(VIOLATION, location=place) for place in places)
    return Decision("1", False, Status(403, "Forbidden", "", status), violations)


def lines(content: bytes, place: Location = PLACE) -> dict[int, str]:
    found = reviewed("app", decision(place), "", {"compose.yaml": content}.get)
    return found.lines.get("compose.yaml", {})


def test_two_lines_before_a_place_and_one_after_it_are_kept() -> None:
    content = b"1\n2\n3\n4\n5\n6\n"

    assert lines(content) == {2: "2", 3: "3", 4: "4", 5: "5"}
    assert lines(content, Location("compose.yaml", 1, 1)) == {1: "1", 2: "2"}
    assert lines(content, Location("gone.yaml", 1, 1)) == {}


@cases("end", ["\n", "\r\n", "\r"])
@cases("codec", ["utf-8", "utf-16"])
def test_lines_end_as_in_yaml_and_files_may_be_utf_16(end: str, codec: str) -> None:
    assert lines(end.join(["a", "b", "c", "é", "e"]).encode(codec))[4] == "é"


def test_long_lines_are_cut_and_bytes_that_are_no_text_replaced() -> None:
    assert lines(b"\n\n\n" + b"x" * 1000) == {2: "", 3: "", 4: "x" * MAX_LINE}
    assert lines(b"\n\n\n\xff") == {2: "", 3: "", 4: "\ufffd"}


def test_credentials_in_the_lines_are_masked() -> None:
    content = b"1\n2\nPASSWORD: |\n  abc\nTOKEN: abc\n"

    assert lines(content) == {2: "2", 3: "PASSWORD: |", 4: "  ***", 5: "TOKEN: ***"}


def test_places_are_those_with_a_line_in_violations_exemptions_and_the_status() -> None:
    other = Location("other.yaml", 9, 1)
    found = msgspec.structs.replace(
        decision(PLACE, None, Location("a"), status=other), exempted=(EXEMPTED,)
    )

    assert list(places(found)) == [PLACE, EXEMPTED.location, other]


def test_files_are_named_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    there = Reviewed("app", decision(), str(tmp_path / "app"))

    assert there.shown("sub/compose.yaml") == "../app/sub/compose.yaml"
    assert there.shown("-") == "-"
    assert Reviewed("app", decision()).shown("compose.yaml") == "compose.yaml"


def test_a_violation_depends_on_the_unset_variables_of_its_line() -> None:
    unset = [
        NotEvaluated("variable", f"${{{name}}}", "blank", Location("compose.yaml", line, 1))
        for name, line in (("GPU", 2), ("COUNT", 9), ("OTHER", 9))
    ]
    seen = NotEvaluated("include", "GPU", "remote")
    line = b"a: x\nb: ${GPU} ${COUNT:-} $OTHERS\n"
    found = msgspec.structs.replace(VIOLATION, location=Location("compose.yaml", 2, 4))
    decision = Decision("1", False, Status(403, "", ""), (found,), not_evaluated=(*unset, seen))
    shown = reviewed("app", decision, "", {"compose.yaml": line}.get)

    assert shown.unset_variables(found) == ["GPU", "COUNT"]
    assert dependence(found, shown) == "depends on GPU, COUNT, which have no value here"
    named = msgspec.structs.replace(found, message="the variable COUNT is unset")
    assert dependence(named, shown) == "depends on GPU, which has no value here"
    nowhere = msgspec.structs.replace(found, location=None)
    assert (shown.unset_variables(nowhere), dependence(nowhere, shown)) == ([], "")
    [entry] = entries(Report([shown]))
    assert entry.message == f"{found.message} (depends on GPU, COUNT, which have no value here)"
