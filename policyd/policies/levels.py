"""The levels: policy sets that come with policyd, beside the built-in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LEVELS: Final = ("baseline", "restricted", "gpu-shared-host")
"""The names of the levels, which are also those of their policy sets."""


def level_file(name: str) -> Path:
    """Return the policy set of the level `name`, which is in LEVELS."""
    # Imported here because the names of the levels are needed to print the help of a command.
    from policyd.policies.packs import built_in
    from policyd.policies.policy_set import POLICY_SET_FILE

    # Each has a folder of its own: OPA, which tests the packs, merges the YAML files of one folder.
    return built_in() / "policy-sets" / name / POLICY_SET_FILE
