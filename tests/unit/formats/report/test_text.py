from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from policyd.formats.report.entries import Report, TextView
from policyd.formats.report.reviewed import Reviewed, reviewed
from policyd.formats.report.text import render
from policyd.model import (
    Decision,
    Exempted,
    Grant,
    Location,
    NotEvaluated,
    Status,
    Violation,
)
from tests.support.cases import cases

COMPOSE = b"""services:
  train:
    image: pytorch
    gpus:
      - driver: nvidia
        count: all

  web:
    image: nginx
"""


ADVICE = """
More: policyd explain no-all-gpus. To ask for an exception: policyd exceptions request no-all-gpus
"""
"""The end of the text of a denied project."""


def violation(**changes) -> Violation:
    fields = {
        "policy": "no-all-gpus",
        "constraint": "no-all-gpus",
        "enforcement_action": "deny",
        "severity": "high",
        "message": "service train asks for all GPUs",
        "remediation": "Name the GPUs.",
        "service": "train",
        "path": ("services", "train", "gpus", 0, "count"),
        "location": Location("compose.yaml", 6, 16),
    }
    return Violation(**{**fields, **changes})


def exempted(**changes) -> Exempted:
    fields = {
        **msgspec.structs.asdict(violation()),
        "exception": "full-node",
        "owner": "ml-infra",
        "reason": "Until the scheduler lands",
        "approved_by": "security@acme",
        "expires": "2027-01-31T00:00:00Z",
        "days_left": 42,
    }
    return Exempted(**{**fields, **changes})


def denied(*violations: Violation, **more) -> Decision:
    return Decision("1", False, Status(403, "Forbidden", "denied"), violations, **more)


def allowed(**more) -> Decision:
    return Decision("1", True, Status(200, "OK", "allowed"), **more)


def text(decision: Decision, source: str = "train", content: bytes = COMPOSE) -> str:
    return render(Report([reviewed(source, decision, "", {"compose.yaml": content}.get)]))


def test_a_denial_shows_verdict_place_lines_reason_fix_policy_and_grants() -> None:
    grant = Grant("train", "nvidia", "gpus", "all", 1, ("services", "train", "gpus", 0))

    assert (
        text(denied(violation(), grants=(grant,)))
        == """\
DENIED  train: 1 violation

compose.yaml:6:16: denied: service train asks for all GPUs
4 |     gpus:
5 |       - driver: nvidia
6 |         count: all
  |                ^
  = fix: Name the GPUs.
  = policy: no-all-gpus, high

Requested accelerators:
  SERVICE  VENDOR  METHOD  DEVICES  REPLICAS
  train    nvidia  gpus    all      1
"""
        + ADVICE
    )


def test_the_lines_of_a_file_in_utf_16_are_shown_as_text() -> None:
    shown = text(denied(violation()), content=COMPOSE.decode().encode("utf-16"))

    assert shown == text(denied(violation()))
    assert "6 |         count: all\n" in shown


def test_places_are_named_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    place = Location("compose.yaml", 2, 1)
    status = Status(422, "Invalid", "compose.yaml:2:1: unknown key 'x'", place)
    refused = Decision("1", False, status)
    seen = NotEvaluated("profile", "debug", "clashes", Location("compose.yaml", 9, 1))

    def heads(decision: Decision, folder: Path) -> list[str]:
        shown = render(
            Report([reviewed("x", decision, str(folder), {"compose.yaml": COMPOSE}.get)])
        )
        return [line for line in shown.splitlines() if "compose.yaml" in line]

    assert heads(denied(violation(), not_evaluated=(seen,)), tmp_path / "here" / "sub") == [
        "sub/compose.yaml:6:16: denied: service train asks for all GPUs",
        "sub/compose.yaml:9:1: not evaluated: debug: clashes",
    ]
    assert heads(refused, tmp_path) == ["../compose.yaml:2:1: unknown key 'x'"]
    assert heads(refused, tmp_path / "here") == ["compose.yaml:2:1: unknown key 'x'"]


def test_violations_of_a_policy_stand_together_with_the_fix_once() -> None:
    twice = (
        violation(location=None),
        violation(policy="other", remediation="", location=None),
        violation(message="service web too", location=None),
        violation(message="another fix", remediation="Ask.", location=None),
        violation(message="only a warning", enforcement_action="warn", location=None),
    )

    assert (
        text(denied(*twice))
        == """\
DENIED  train: 4 violations, 1 warning

denied: service train asks for all GPUs

denied: service web too
  = fix: Name the GPUs.

denied: another fix
  = fix: Ask.
  = policy: no-all-gpus, high, 3 violations

denied: service train asks for all GPUs
  = policy: other, high, constraint no-all-gpus

warning: only a warning
  = fix: Name the GPUs.
  = policy: no-all-gpus, high
"""
        + ADVICE.replace("no-all-gpus", "POLICY")
    )


@cases(("number", "repeated"), [(18, False), (19, True)])
def test_the_verdict_is_the_last_line_too_when_there_is_much_to_read(
    number: int, repeated: bool
) -> None:
    """Each violation takes two lines, the remediation and the policy one each."""
    found = [violation(location=None)] * number
    lines = text(denied(*found)).splitlines()

    assert (lines[-1] == lines[0]) is repeated
    assert lines.count(f"DENIED  train: {number} violations") == (2 if repeated else 1)


def variable(name: str, line: int, file: str = "compose.yaml") -> NotEvaluated:
    return NotEvaluated("variable", f"${{{name}}}", "no value here", Location(file, line, 9))


def test_variables_that_no_violation_depends_on_are_one_line() -> None:
    content = b"a: ${A}\nb: x\nc: ${USED:?} $PLAIN ${USED_TOO}x\nd: y\n"
    here = Location("compose.yaml", 3, 1)
    entries = [variable(name, 1) for name in ("A", "USED", "PLAIN", "USED_TO", "Z")]
    other = NotEvaluated("include", "remote.yaml", "remote, not fetched")
    decision = denied(violation(location=here), not_evaluated=(*entries, variable("S", 3), other))

    assert text(decision, content=content).partition("y\n")[2] == (
        """\
  = depends on USED, PLAIN, S, which have no value here
  = fix: Name the GPUs.
  = policy: no-all-gpus, high

not evaluated: remote.yaml: remote, not fetched

not evaluated: 3 variables have no value here, and no violation depends on them: \
${A}, ${USED_TO}, ${Z}
"""
        + ADVICE
    )


def test_one_variable_keeps_its_place() -> None:
    assert text(allowed(not_evaluated=(variable("A", 1),)), content=b"") == (
        "ALLOWED  train\n\ncompose.yaml:1:9: not evaluated: ${A}: no value here\n"
    )


def test_quiet_shows_verdicts_and_only_denied_leaves_out_the_others() -> None:
    glass = exempted(exception="outage", break_glass=True)
    results = [
        Reviewed("a", allowed(exempted=(glass,))),
        Reviewed("b", denied(violation(location=None))),
        Reviewed("c", allowed()),
    ]
    totals = "3 projects: 2 allowed, 1 denied\n"

    assert render(Report(results, view=TextView(quiet=True, only_denied=True))) == (
        f"DENIED  b: 1 violation\n\n{totals}"
    )
    assert render(Report(results, view=TextView(quiet=True))) == (
        "ALLOWED  a: 1 exemption\n"
        "BREAK GLASS  the exception outage bypasses all policies until 2027-01-31T00:00:00Z\n"
        f"\nDENIED  b: 1 violation\nALLOWED  c\n\n{totals}"
    )
    only = render(Report(results, view=TextView(only_denied=True)))
    assert only.startswith("DENIED  b: 1 violation\n\ndenied: service train")
    assert "ALLOWED" not in only
    assert render(Report(results[2:], view=TextView(only_denied=True))) == ""
    assert render(Report([results[2]] * 2, view=TextView(only_denied=True))) == (
        "2 projects: 2 allowed, 0 denied\n"
    )


def test_lines_fit_the_terminal_and_end_between_words() -> None:
    fix = "Name the GPUs: `device_ids: ['0']` with `driver: nvidia` in each of the services."
    content = b"a\nb\nservices: {train: {image: pytorch, gpus: all, command: run, user: nobody}}\n"
    decision = denied(violation(remediation=fix, location=Location("compose.yaml", 3, 42)))

    shown = render(
        Report(
            [reviewed("train", decision, "", {"compose.yaml": content}.get)],
            view=TextView(columns=44),
        )
    )

    assert (
        shown
        == """\
DENIED  train: 1 violation

compose.yaml:3:42: denied: service train
    asks for all GPUs
1 | a
2 | b
3 | …ge: pytorch, gpus: all, command: run, …
  |                     ^
  = fix: Name the GPUs: `device_ids: ['0']`
      with `driver: nvidia` in each of the
      services.
  = policy: no-all-gpus, high

More: policyd explain no-all-gpus. To ask
    for an exception: policyd exceptions
    request no-all-gpus
"""
    )


def test_an_allowed_project_takes_one_line() -> None:
    assert text(allowed()) == "ALLOWED  train\n"


def test_grants_name_the_kind_of_workload_their_end_and_what_is_not_certain() -> None:
    decision = allowed(
        grants=(
            Grant("a", "nvidia", "gpus", {"count": 2}, 3, ()),
            Grant(
                "a", "nvidia", "gpus", ("1",), 1, (), "hook", 0, expires="2027-01-31T00:00:00.0Z"
            ),
            Grant("b", "amd", "environment", ("0",), 1, (), "job", None, "default-runtime"),
        )
    )

    assert (
        text(decision)
        == """\
ALLOWED  train

Requested accelerators:
  SERVICE     VENDOR  METHOD       DEVICES                                  REPLICAS
  a           nvidia  gpus         2 GPUs                                   3
  a (hook 0)  nvidia  gpus         GPU 1 until 2027-01-31T00:00:00Z         1
  b (job)     amd     environment  GPU 0 (if the default runtime gives it)  1
"""
    )


def test_warnings_dry_runs_and_exemptions_are_named_as_such() -> None:
    decision = allowed(
        violations=(
            violation(enforcement_action="warn", location=None, remediation=""),
            violation(enforcement_action="dryrun", location=None, constraint="gpus-of-ml"),
        ),
        exempted=(exempted(), exempted(exception="outage", days_left=0, break_glass=True)),
    )

    assert (
        text(decision, content=b"")
        == """\
ALLOWED  train: 1 warning, 1 violation in dry run, 2 exemptions
BREAK GLASS  the exception outage bypasses all policies until 2027-01-31T00:00:00Z

warning: service train asks for all GPUs
  = policy: no-all-gpus, high

dry run: service train asks for all GPUs
  = fix: Name the GPUs.
  = policy: no-all-gpus, high, constraint gpus-of-ml

compose.yaml:6:16: exempted: service train asks for all GPUs
  = exception: full-node, until 2027-01-31T00:00:00Z, 42 days left
  = owned by ml-infra, approved by security@acme: Until the scheduler lands
  = policy: no-all-gpus, high

compose.yaml:6:16: BREAK GLASS: service train asks for all GPUs
  = exception: outage, until 2027-01-31T00:00:00Z, less than a day left
  = owned by ml-infra, approved by security@acme: Until the scheduler lands
  = policy: no-all-gpus, high
"""
    )


def test_a_break_glass_exception_is_one_banner_below_the_verdict_of_each_project() -> None:
    glass = exempted(exception="out\x1bage", break_glass=True)

    shown = text(allowed(exempted=(glass, glass)), content=b"").splitlines()

    assert shown[:3] == [
        "ALLOWED  train: 2 exemptions",
        "BREAK GLASS  the exception out\\x1bage bypasses all policies until 2027-01-31T00:00:00Z",
        "",
    ]
    assert [line for line in shown[3:] if "bypasses all policies" in line] == []


def match(kind: str, name: str, *, applies: bool, action: str, findings: int, **more) -> dict:
    return {
        "kind": kind,
        "name": name,
        "location": {"file": "set.yaml", "line": 7, "column": 1},
        "policies": ["no-all-gpus"],
        "applies": applies,
        "action": action,
        "findings": findings,
        "checks": [],
        **more,
    }


def test_why_constraints_and_exceptions_apply_is_said_field_by_field_when_asked_for() -> None:
    checks = [
        {"key": "match.environments", "outcome": "differs", "reason": "dev is none of \x1bprod"},
        {"key": "match.hosts", "outcome": "unknown", "reason": "not known"},
    ]
    matches = (
        match("Constraint", "prod", applies=False, action="deny", findings=0, checks=checks),
        match("Constraint", "all", applies=True, action="deny", findings=2),
        match("Constraint", "other", applies=True, action="warn", findings=0),
        match("Exception", "own", applies=True, action="exempt", findings=1),
        match("Exception", "glass", applies=True, action="break-glass", findings=0, policies=[]),
    )

    assert (
        render(Report([Reviewed("train", allowed(), matches=matches)]))
        == """\
ALLOWED  train

Constraints and exceptions:
  set.yaml:7:1: constraint prod (no-all-gpus) does not apply
    match.environments: dev is none of \\x1bprod
    match.hosts: not known
  set.yaml:7:1: constraint all (no-all-gpus) applies: deny, 2 findings
  set.yaml:7:1: constraint other (no-all-gpus) applies: warn, no finding
  set.yaml:7:1: exception own (no-all-gpus) applies: exempts 1 finding
  set.yaml:7:1: exception glass (every policy) applies: BREAK GLASS, exempts nothing
"""
    )


def test_a_project_that_does_not_load_shows_its_place() -> None:
    message = "compose.yaml:6:9: services.train.gpus[0].count: bad"
    status = Status(422, "Invalid", message, Location("compose.yaml", 6, 9))

    assert (
        text(Decision("1", False, status))
        == """\
DENIED  train: the project does not load

compose.yaml:6:9: services.train.gpus[0].count: bad
4 |     gpus:
5 |       - driver: nvidia
6 |         count: all
  |         ^
"""
    )


def test_what_was_not_looked_at_is_said() -> None:
    entry = NotEvaluated(
        "remote-include", "include", "remote, not fetched", Location("compose.yaml", 1, 1)
    )

    assert (
        text(allowed(not_evaluated=(entry,)))
        == """\
ALLOWED  train

compose.yaml:1:1: not evaluated: include: remote, not fetched
"""
    )


def test_a_denial_without_a_violation_says_its_reason() -> None:
    decision = Decision("1", False, Status(500, "InternalError", "the engine failed"))

    assert text(decision) == "DENIED  train: the engine failed\n"


def test_several_projects_end_in_totals_and_short_ones_stay_together() -> None:
    results = [
        Reviewed("a", allowed()),
        Reviewed("b", allowed()),
        Reviewed("c", denied(violation(location=None))),
        Reviewed("d", allowed()),
    ]

    assert (
        render(Report(results))
        == """\
ALLOWED  a
ALLOWED  b

DENIED  c: 1 violation

denied: service train asks for all GPUs
  = fix: Name the GPUs.
  = policy: no-all-gpus, high

ALLOWED  d

POLICY       ACTION  VIOLATIONS  PROJECTS
no-all-gpus  deny    1           1

More: policyd explain no-all-gpus. To ask for an exception: policyd exceptions request no-all-gpus

4 projects: 3 allowed, 1 denied
"""
    )


def test_nothing_of_a_project_reaches_the_terminal_as_a_control_character() -> None:
    evil = "\x1b[2J\x9b1m\r\n\u202e\x00\x7f"
    decision = denied(
        violation(
            message=evil,
            remediation=evil,
            policy=evil,
            constraint="x" + evil,
            location=Location(f"{evil}.yaml", 1, 8),
        ),
        grants=(Grant(evil, evil, evil, (evil,), 1, ()),),
        not_evaluated=(NotEvaluated("home", evil, evil, Location(evil)),),
    )
    refused = Decision("1", False, Status(422, "Invalid", evil))

    shown = render(
        Report(
            [
                reviewed(evil, decision, "", lambda _: f"image: {evil}".encode()),
                Reviewed("refused" + evil, refused),
            ]
        )
    )

    assert not set(shown) & set("\x1b\x9b\r\u202e\x00\x7f")
    assert "image: \\x1b[2J\\x9b1m" in shown


def test_the_caret_stands_below_the_place_when_characters_before_it_are_wide() -> None:
    content = "a\tb: 日本 x\n".encode()
    place = Location("compose.yaml", 1, 9)

    lines = text(denied(violation(location=place)), content=content).splitlines()

    assert lines[3] == "1 | a\\tb: 日本 x"
    assert lines[4] == "  |            ^"


def test_colour_is_used_only_when_asked_for() -> None:
    results = [Reviewed("a", allowed())]

    assert render(Report(results), colour=True) == "\x1b[1;32mALLOWED\x1b[0m  \x1b[1ma\x1b[0m\n"
    assert "\x1b" not in render(Report(results))


def test_a_very_long_line_is_cut() -> None:
    content = b"services: {" + b"x" * 100_000

    shown = text(denied(violation(location=Location("compose.yaml", 1, 3))), content=content)

    assert len(shown) < 1000
