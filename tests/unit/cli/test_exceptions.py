from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import pytest
import yaml

from policyd.audit.store import open_store
from policyd.exception_list import ListedException, Uses
from policyd.model import (
    Decision,
    Exempted,
    PolicySetRevision,
    Review,
    Status,
)
from policyd.policies.exceptions import DAY
from policyd.policies.times import moment

HOUR = DAY // 24
HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: ours}
spec: {packs: [container]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: c}
spec: {policy: no-privileged, enforcementAction: deny}
"""
PRIVILEGED = "services:\n  web:\n    image: nginx\n    privileged: true\n"


@pytest.fixture
def now() -> int:
    """The last whole second: the exceptions of a test begin and end around it."""
    return time.time_ns() // 1_000_000_000 * 1_000_000_000


@pytest.fixture
def policy_set(folder: Path, now: int):
    """A function that writes set.yaml: exceptions by name, each with its end and changes."""

    def write(**exceptions: tuple[int, str]) -> None:
        documents = [
            "---\napiVersion: policyd/v1\nkind: Exception\n"
            f"metadata: {{name: {name}}}\nspec:\n  expires: {moment(now + left)}\n"
            "  owner: ml-infra\n  reason: Until the scheduler lands\n  approvedBy: security\n"
            f"{rest}"
            for name, (left, rest) in exceptions.items()
        ]
        (folder / "set.yaml").write_text(HEADING + "".join(documents))

    return write


OWN = "  policies: [no-privileged]\n  match: {repositories: [ml/*], services: [web]}\n"


def glass(start: int) -> str:
    return f"  breakGlass: true\n  match: {{repositories: [ml/*]}}\n  starts: {moment(start)}\n"


def record(now: int, *names: str, policy_set: str = "ours") -> None:
    """Record a decision that the exceptions `names` changed."""
    store = open_store("log.db")
    store.append_decision(
        Review(uid="u", enforcement_point="ci", now=now),
        Decision(
            uid="u",
            allowed=True,
            status=Status(200, "OK", "no policy denies"),
            exempted=tuple(
                Exempted("no-privileged", "c", "deny", "critical", "m", "r", exception=name)
                for name in names
            ),
            policy_set=PolicySetRevision(policy_set, "sha256:aa"),
            decision_id=f"{now}",
        ),
    )
    store.close()


def listed(run, *arguments: str) -> dict[str, ListedException]:
    result = run("exceptions", "--policy-set", "set.yaml", "--format", "json", *arguments)
    assert result.exit_code == 0
    items = msgspec.convert(json.loads(result.stdout)["items"], tuple[ListedException, ...])
    return {one.name: one for one in items}


def test_each_exception_says_whose_it_is_for_what_and_until_when(run, policy_set, now) -> None:
    policy_set(own=(20 * DAY + HOUR, OWN), night=(6 * HOUR, glass(now - 6 * HOUR)))

    result = run("exceptions", "--policy-set", "set.yaml")

    assert result.exit_code == 0
    head, *rest = result.stdout.splitlines()
    assert head.startswith("Policy set ours, sha256:")
    assert rest == [
        "2 exceptions, 1 expiring within 14 days",
        "",
        "set.yaml:22:1: night: BREAK GLASS, expires soon, less than a day left",
        "  policies: all policies",
        "  for:      repositories ml/*",
        f"  time:     from {moment(now - 6 * HOUR)} until {moment(now + 6 * HOUR)}",
        "  owner:    ml-infra, approved by security",
        "  reason:   Until the scheduler lands",
        "",
        "set.yaml:11:1: own: 20 days left",
        "  policies: no-privileged",
        "  for:      repositories ml/*; services web",
        f"  time:     until {moment(now + 20 * DAY + HOUR)}",
        "  owner:    ml-infra, approved by security",
        "  reason:   Until the scheduler lands",
        "",
        "Unused exceptions are unknown without an audit log: name one with --audit.",
    ]


def test_json_has_the_same_by_field(run, policy_set, now) -> None:
    policy_set(night=(6 * HOUR, glass(now - 6 * HOUR)))

    report = json.loads(run("exceptions", "--policy-set", "set.yaml", "--format", "json").stdout)

    assert report.pop("policySet")["name"] == "ours"
    assert report == {
        "apiVersion": "policyd/v1",
        "kind": "ExceptionList",
        "audit": None,
        "items": [
            {
                "name": "night",
                "location": {"file": "set.yaml", "line": 11, "column": 1},
                "state": "expiring",
                "daysLeft": 0,
                "unused": False,
                "breakGlass": True,
                "policies": [],
                "match": {"repositories": ["ml/*"]},
                "starts": moment(now - 6 * HOUR),
                "expires": moment(now + 6 * HOUR),
                "owner": "ml-infra",
                "approvedBy": "security",
                "reason": "Until the scheduler lands",
                "uses": None,
                "onRequest": False,
            }
        ],
    }


def test_exceptions_are_told_apart_by_their_time(run, policy_set, now) -> None:
    later = f"{OWN}  starts: {moment(now + DAY)}\n"
    policy_set(
        gone=(-HOUR, OWN),
        near=(3 * DAY + HOUR, OWN),
        far=(30 * DAY + HOUR, OWN),
        later=(40 * DAY + HOUR, later),
    )

    found = listed(run)

    assert [(one.name, one.state, one.days_left) for one in found.values()] == [
        ("gone", "expired", -1),
        ("near", "expiring", 3),
        ("far", "active", 30),
        ("later", "upcoming", 40),
    ]
    assert [one.state for one in listed(run, "--within", "2").values()] == [
        "expired", "active", "active", "upcoming",
    ]  # fmt: skip
    text = run("exceptions", "--policy-set", "set.yaml", "--within", "60").stdout
    assert "4 exceptions, 1 expired, 2 expiring within 60 days\n" in text
    assert "set.yaml:11:1: gone: expired\n" in text
    assert "set.yaml:22:1: near: expires soon, 3 days left\n" in text
    assert f"set.yaml:44:1: later: starts on {moment(now + DAY)}\n" in text


@pytest.mark.thorough
def test_used_and_unused_ones_are_told_by_the_log_from_its_begin_on(
    run, folder, policy_set, now
) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    policy_set(
        used=(20 * DAY, OWN),
        unused=(90 * DAY, OWN.replace("ml/*", "web/*")),
        gone=(-HOUR, OWN),
    )
    for repository in ("ml/train", "ml/train", "web2"):
        run("check", "--policy-set", "set.yaml", "--repository", repository, "--audit", "log.db")

    found = listed(run, "--audit", "log.db")

    begin = found["used"].uses.since
    assert moment(now) <= begin <= moment(time.time_ns())
    assert (found["used"].unused, found["used"].uses.decisions) == (False, 2)
    assert (found["unused"].unused, found["unused"].uses) == (True, Uses(begin, 0, ""))
    assert (found["gone"].unused, found["gone"].uses) == (False, Uses(begin, 0, ""))
    text = run("exceptions", "--policy-set", "set.yaml", "--audit", "log.db").stdout
    assert "3 exceptions, 1 expired, 1 unused\n" in text
    assert ": unused: 89 days left, unused\n" in text
    assert f"  used:     in no decisions since {begin}\n" in text
    assert f"  used:     in 2 decisions since {begin}, last on 2" in text
    assert "not known" not in text


@pytest.mark.thorough
def test_uses_count_from_the_window_and_from_the_start_of_the_exception(
    run, policy_set, now
) -> None:
    policy_set(
        old=(DAY, OWN),
        recent=(DAY, f"{OWN}  starts: {moment(now - 2 * DAY)}\n"),
        later=(9 * DAY, f"{OWN}  starts: {moment(now + 2 * DAY)}\n"),
    )
    record(now - 50 * DAY, "old")
    record(now - 20 * DAY, "old")
    record(now - 10 * DAY, "old", policy_set="another")

    month = listed(run, "--audit", "log.db")
    week = listed(run, "--audit", "log.db", "--unused-for", "7")
    year = listed(run, "--audit", "log.db", "--unused-for", "365")

    assert (month["old"].unused, month["old"].uses.decisions) == (False, 1)
    assert month["old"].uses.last == f"{moment(now - 20 * DAY)[:19]}.000000000Z"
    assert moment(now - 30 * DAY) <= month["old"].uses.since <= moment(time.time_ns() - 30 * DAY)
    assert (week["old"].unused, week["old"].uses.decisions) == (True, 0)
    assert year["old"].uses == Uses(moment(now - 50 * DAY), 2, month["old"].uses.last)
    assert year["recent"].uses == Uses(moment(now - 2 * DAY), 0, "")
    assert (year["later"].unused, year["later"].uses.since) == (False, year["old"].uses.since)


def test_an_empty_log_tells_nothing(run, policy_set) -> None:
    policy_set(own=(DAY, OWN))
    open_store("log.db").close()

    text = run("exceptions", "--policy-set", "set.yaml", "--audit", "log.db").stdout

    assert listed(run, "--audit", "log.db")["own"].uses is None
    assert text.endswith(
        f"\nUnused exceptions are unknown: the audit log {Path('log.db').absolute()} is empty.\n"
    )


def test_the_log_of_serve_is_read_unless_another_is_named(run, folder, policy_set) -> None:
    policy_set(own=(DAY, OWN))
    usual = folder.parent / "state" / "policyd" / "audit.db"
    open_store(str(usual)).close()

    report = json.loads(run("exceptions", "--policy-set", "set.yaml", "--format", "json").stdout)

    assert report["audit"] == str(usual)


def test_a_log_that_is_named_and_not_there_is_an_error(run, policy_set) -> None:
    policy_set(own=(DAY, OWN))

    result = run("exceptions", "--policy-set", "set.yaml", "--audit", "nosuch.db")

    assert result.exit_code == 2
    assert result.stderr.startswith("policyd: error: there is no audit log at ")


def test_a_policy_set_without_exceptions_has_none(run) -> None:
    result = run("exceptions")

    assert result.exit_code == 0
    assert result.stdout.startswith("Policy set default, sha256:")
    assert result.stdout.endswith("\nNo exceptions\n")


def test_nothing_of_a_document_reaches_the_terminal_as_a_control_character(
    run, folder, policy_set
) -> None:
    policy_set(own=(DAY, OWN))
    text = (folder / "set.yaml").read_text()
    (folder / "set.yaml").write_text(text.replace("ml-infra", '"\\e[2J"'))

    shown = run("exceptions", "--policy-set", "set.yaml").output

    assert "\x1b" not in shown
    assert "  owner:    \\x1b[2J, approved by security\n" in shown


def test_break_glass_is_loud_in_every_output_and_in_the_log(run, folder, policy_set, now) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    policy_set(night=(6 * HOUR, glass(now - 6 * HOUR)))
    call = [
        "check", "--policy-set", "set.yaml", "--audit", "log.db", "--repository", "ml/train",
    ]  # fmt: skip
    until = moment(now + 6 * HOUR)

    text = run(*call)
    report = json.loads(run(*call, "--format", "json").stdout)["decisions"][0]
    log = run("audit", "list", "--audit", "log.db").stdout
    shown = run("audit", "show", report["decisionId"], "--audit", "log.db").stdout

    banner = f"BREAK GLASS  the exception night bypasses all policies until {until}\n"
    assert text.exit_code == 0
    assert text.stdout.splitlines(keepends=True)[:2] == ["ALLOWED  .: 1 exemption\n", banner]
    assert "\ncompose.yaml:4:17: BREAK GLASS: service web runs privileged" in text.stdout
    assert report["warnings"] == [
        f"break-glass: the exception night bypasses all policies until {until} "
        "(ml-infra, approved by security: Until the scheduler lands)"
    ]
    assert report["auditAnnotations"] == {"exceptions": "night", "breakGlass": "night"}
    assert report["exempted"][0]["breakGlass"] is True
    assert log.count("allowed, BREAK GLASS") == 2
    assert banner in shown


@pytest.mark.thorough
def test_an_exemption_is_in_text_json_and_the_log(run, folder, policy_set, now) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    policy_set(own=(20 * DAY + HOUR, OWN))
    call = [
        "check", "--policy-set", "set.yaml", "--audit", "log.db", "--repository", "ml/train",
    ]  # fmt: skip
    until = moment(now + 20 * DAY + HOUR)

    text = run(*call).stdout
    report = json.loads(run(*call, "--format", "json").stdout)["decisions"][0]
    log = run("audit", "list", "--audit", "log.db", "--format", "json").stdout
    event = json.loads(log)["items"][0]["event"]

    assert (
        "compose.yaml:4:17: exempted: "
        "service web runs privileged, with every device of the host\n"
        f"  = exception: own, until {until}, 20 days left\n"
        "  = owned by ml-infra, approved by security: Until the scheduler lands\n"
        "  = policy: no-privileged, critical, constraint c\n"
    ) in text
    assert report["violations"] == report["warnings"] == []
    (exempted,) = report["exempted"]
    assert {key: exempted[key] for key in ("exception", "owner", "approvedBy", "daysLeft")} == {
        "exception": "own",
        "owner": "ml-infra",
        "approvedBy": "security",
        "daysLeft": 20,
    }
    assert event["result"]["exempted"] == [exempted]
    assert "allowed, exempted" in run("audit", "list", "--audit", "log.db").stdout


def test_an_expired_exception_is_named_by_the_violation_that_it_covered(
    run, folder, policy_set, now
) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    policy_set(own=(-HOUR, OWN))

    result = run("check", "--policy-set", "set.yaml", "--repository", "ml/train")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[2] == (
        "compose.yaml:4:17: denied: service web runs privileged, with every device of the host; "
        f"the exception own for it expired on {moment(now - HOUR)}"
    )


def test_a_request_is_the_document_that_exempts_the_violations_once_it_is_approved(
    run, folder: Path
) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)
    (folder / "set.yaml").write_text(HEADING)
    who = ("--repository", "ml/web", "--policy-set", "set.yaml")

    asked = run(
        "exceptions", "request", "no-privileged", *who, "--owner", "ml", "--reason", "until: March"
    )
    assert asked.exit_code == 0
    document = yaml.safe_load(asked.stdout)
    assert document["spec"]["match"] == {
        "repositories": ["ml/web"],
        "projects": ["here"],
        "services": ["web"],
        "paths": ["services/web/privileged"],
    }

    (folder / "set.yaml").write_text(f"{HEADING}{asked.stdout}")
    refused = run("check", *who)
    (folder / "set.yaml").write_text(f"{HEADING}{asked.stdout}  approvedBy: security\n")
    exempted = run("check", *who)

    assert refused.exit_code == 2
    assert "approvedBy" in refused.stderr
    assert exempted.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["no-privileged"],
            "Error: the exception also needs --repository, --environment or --host\n",
        ),
        (["no-privilegd", "--host", "a"], "unknown policy no-privilegd; did you mean no-priv"),
        (["no-all-gpus", "--host", "a"], ".: no violation of no-all-gpus\n"),
        (["no-privileged", "nosuch", "--host", "a"], "nosuch: No such file or directory"),
    ],
)
def test_a_request_without_a_violation_or_a_subject_is_an_error(
    run, folder: Path, arguments: list[str], message: str
) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)

    result = run("exceptions", "request", *arguments, "--owner", "ml", "--reason", "r")

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_request_names_all_options_that_are_missing(run, folder: Path) -> None:
    (folder / "compose.yaml").write_text(PRIVILEGED)

    result = run("exceptions", "request", "no-privileged")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "\nError: the exception also needs --owner, --reason, --repository, --environment or "
        "--host\n"
    )
