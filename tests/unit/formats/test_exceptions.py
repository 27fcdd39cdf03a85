from __future__ import annotations

import json

import msgspec

from policyd.exception_list import ExceptionList, ListedException, Uses
from policyd.formats.exceptions import Exceptions, as_json, text
from policyd.model import Location, PolicySetRevision

ONE = ListedException(
    name="own",
    location=Location("set.yaml", 11, 1),
    state="active",
    days_left=20,
    unused=False,
    break_glass=False,
    policies=("no-privileged", "no-all-gpus"),
    match={"repositories": ["ml/*", "web/*"], "services": ["web"]},
    starts="",
    expires="2027-01-31T00:00:00Z",
    owner="ml-infra",
    approved_by="security",
    reason="Until the scheduler lands",
    uses=None,
)
GLASS = msgspec.structs.replace(
    ONE,
    name="night",
    state="expiring",
    days_left=0,
    break_glass=True,
    policies=(),
    match={"hosts": ["gpu-01"]},
    starts="2027-01-30T00:00:00Z",
)


def shown(*items: ListedException, audit: str | None = None) -> str:
    reference = PolicySetRevision("ours", "sha256:11")
    return text(Exceptions(ExceptionList(policy_set=reference, audit=audit, items=items), 14))


def test_each_exception_says_whose_it_is_for_what_and_until_when() -> None:
    assert (
        shown(GLASS, ONE)
        == """\
Policy set ours, sha256:11
2 exceptions, 1 expiring within 14 days

set.yaml:11:1: night: BREAK GLASS, expires soon, less than a day left
  policies: all policies
  for:      hosts gpu-01
  time:     from 2027-01-30T00:00:00Z until 2027-01-31T00:00:00Z
  owner:    ml-infra, approved by security
  reason:   Until the scheduler lands

set.yaml:11:1: own: 20 days left
  policies: no-privileged, no-all-gpus
  for:      repositories ml/*, web/*; services web
  time:     until 2027-01-31T00:00:00Z
  owner:    ml-infra, approved by security
  reason:   Until the scheduler lands

Unused exceptions are unknown without an audit log: name one with --audit.
"""
    )


def test_uses_are_counted_since_a_time() -> None:
    used = msgspec.structs.replace(
        ONE, uses=Uses("2027-01-01T00:00:00Z", 1, "2027-01-02T03:04:05.678900000Z")
    )
    unused = msgspec.structs.replace(ONE, unused=True, uses=Uses("2027-01-01T00:00:00Z", 0, ""))

    lines = shown(used, unused, audit="log.db").splitlines()

    assert lines[1] == "2 exceptions, 1 unused"
    assert lines[9] == (
        "  used:     in 1 decision since 2027-01-01T00:00:00Z, last on 2027-01-02T03:04:05Z"
    )
    assert lines[11] == "set.yaml:11:1: own: 20 days left, unused"
    assert lines[-1] == "  used:     in no decisions since 2027-01-01T00:00:00Z"


def test_exceptions_that_are_not_in_force_say_so() -> None:
    gone = msgspec.structs.replace(ONE, state="expired", days_left=-1)
    later = msgspec.structs.replace(
        ONE, state="upcoming", starts="2027-01-30T00:00:00Z", uses=Uses("2027-01-01", 0, "")
    )

    heads = [line for line in shown(gone, later).splitlines() if ": own: " in line]

    assert heads == [
        "set.yaml:11:1: own: expired",
        "set.yaml:11:1: own: starts on 2027-01-30T00:00:00Z",
    ]
    assert "  used:" not in shown(later)


def test_no_exceptions_and_an_empty_log_are_stated() -> None:
    assert shown() == "Policy set ours, sha256:11\nNo exceptions\n"
    assert shown(ONE, audit="log.db").splitlines()[-1] == (
        "Unused exceptions are unknown: the audit log log.db is empty."
    )


def test_json_is_the_list() -> None:
    reference = PolicySetRevision("ours", "sha256:11")
    listed = ExceptionList(policy_set=reference, audit=None, items=[ONE])

    found = json.loads(as_json(Exceptions(listed, 14)))

    assert list(found) == ["apiVersion", "kind", "policySet", "audit", "items"]
    assert (found["kind"], found["audit"]) == ("ExceptionList", None)
    assert found["items"][0]["daysLeft"] == 20
    assert found["items"][0]["uses"] is None


def test_an_exception_on_request_says_what_a_file_must_contain() -> None:
    found = shown(msgspec.structs.replace(ONE, on_request=True))

    assert "  only:     where a comment asks: # policyd: request POLICY reason\n" in found
