from __future__ import annotations

from policyd.policies.removed_names import replacement
from tests.support.cases import cases


@cases(
    ("path", "instead"),
    [
        (
            "data.policyd.lib.mounts.of",
            "; it was removed: use data.policyd.lib.mounts.by_workload",
        ),
        (
            "data.policyd.lib.cdi.vendor.name",
            "; it was removed: read `identities` and `vendor` of a grant",
        ),
        ("data.policyd.lib.mounts", ""),
        ("data.policyd.lib.mounts.often", ""),
        ("data.policyd.lib.cdi_names", ""),
        ("", ""),
    ],
)
def test_a_removed_name_and_what_is_below_it_have_a_replacement(path: str, instead: str) -> None:
    assert replacement(path) == instead
