"""Which policies are about accelerators: they can deny a grant.

In: policies with their Rego. Out: IDs. The text is searched for the fields of a workload from which
grants come, so a policy that names one of them for another purpose counts too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policyd.lazy_pattern import lazy_pattern
from policyd.policies.packs import Policy
from policyd.policies.review_fields import without_comments

_ACCELERATORS: Final = lazy_pattern(
    r"\.(?:grants|device_requests|runtime_class|selectors)\b"
    r"|\bdata\.policyd\.lib\.(?:gpus|requests)\b"
)


def about_accelerators(policies: Iterable[Policy]) -> frozenset[str]:
    """Return the IDs of the policies whose Rego reads the grants of workloads, or their sources."""
    return frozenset(
        policy.id for policy in policies if _ACCELERATORS.search(without_comments(policy.source))
    )
