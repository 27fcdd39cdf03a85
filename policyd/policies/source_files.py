"""List the files of a policy set, so that changes to them can be detected.

In: the path of a policy set. Out: paths. Built-in packs are left out: they change only with policyd
itself.
"""

from __future__ import annotations

from pathlib import Path

from policyd.errors import PolicySetError
from policyd.policies.manifests import kind_of, read_heading
from policyd.policies.packs import built_in, read_text, rego_files
from policyd.policies.policy_set import POLICY_SET_FILE
from policyd.policies.yaml_documents import documents

PACK_DATA = ("data.yaml", "data.json")
"""Names of the optional data files of a pack."""


def policy_set_file(path: Path) -> Path:
    """Return the YAML file of the policy set `path`, a file or a folder."""
    return path / POLICY_SET_FILE if path.is_dir() else path


def named_by(file: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders of packs, and the data files, that the policy set `file` names.

    For an invalid policy set both are empty: the file itself must change before it becomes valid.
    """
    try:
        found = documents(read_text(file), str(file))
        heading = next(read_heading(one) for one in found if kind_of(one) == "PolicySet")
        packs = [value.text() for value in heading.packs]
        data = [value.text() for value in heading.data]
    except (PolicySetError, StopIteration):
        return [], []
    root = built_in()
    own = [name for name in packs if not (name.isidentifier() and (root / name).is_dir())]
    return [file.parent / name for name in own], [file.parent / name for name in data]


def files_of(pack: Path) -> list[Path]:
    """Return the files of the pack in the folder `pack`."""
    return [*rego_files(pack), *(pack / name for name in PACK_DATA)]
