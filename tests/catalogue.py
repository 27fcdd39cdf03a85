"""`make catalogue`: write the catalogue of every pack of ours into policies/README.md.

Out: the end of the file, below MARK. tests/unit/policies/test_catalogue.py fails when it is stale.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from policyd.policies.catalogue import markdown
from policyd.policies.packs import built_in
from tests.support import everything

README = built_in() / "README.md"
MARK = "<!-- `make catalogue` writes what follows from METADATA. -->\n"


def readme() -> str:
    """Return the README with the catalogue as METADATA has it now."""
    by_hand, mark, _ = README.read_text().partition(MARK)
    assert mark, f"{README} lacks the line {MARK}"
    with tempfile.TemporaryDirectory() as folder:
        policies = everything.policy_set(Path(folder)).policies
    return f"{by_hand}{MARK}\n{markdown(policies.values())}"


if __name__ == "__main__":
    README.write_text(readme())
