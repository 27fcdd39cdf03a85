"""What a reader sees in a log is a contract of every store: see tests/support/ledger.py."""

from __future__ import annotations

from policyd.audit.visibility import EVERYTHING, Visibility, matches_one
from tests.support.cases import cases


@cases(
    ("visibility", "place", "shown"),
    [
        (EVERYTHING, ("", "", ""), True),
        (Visibility(repositories=()), ("acme/train", "", ""), False),
        (Visibility(repositories=("acme/**",)), ("acme/a/b", "", ""), True),
        (Visibility(repositories=("acme/*",)), ("acme/a/b", "", ""), False),
        (Visibility(repositories=("*",)), ("", "prod", "gpu-01"), False),
        (Visibility(environments=("prod",)), ("acme/train", "", ""), False),
        (Visibility(environments=("prod", "dev")), ("", "dev", ""), True),
        (Visibility(hosts=("gpu-0?",)), ("", "", "gpu-01"), False),
        (Visibility(hosts=("gpu-0*",)), ("", "", "gpu-01"), True),
    ],
)
def test_a_decision_is_shown_if_every_limited_field_matches(
    visibility: Visibility, place: tuple[str, str, str], shown: bool
) -> None:
    assert visibility.shows(*place) is shown


def test_sqlite_hands_over_the_globs_as_lines_and_null_for_what_is_unknown() -> None:
    assert matches_one("acme/*\nbeta", "beta")
    assert matches_one("acme/*\nbeta", "acme/train")
    assert not matches_one("**", "")
    assert not matches_one("**", None)
