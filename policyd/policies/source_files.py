"""Which files a policy set is read from, so that a change of them can be seen.

In: the path of a policy set. Out: paths. Packs that come with policyd are left out: they change
with policyd itself.
"""

from __future__ import annotations

from pathlib import Path

from policyd.errors import PolicySetError
from policyd.policies.manifests import kind_of, read_heading
from policyd.policies.packs import built_in, read_text, rego_files
from policyd.policies.policy_set import POLICY_SET_FILE
from policyd.policies.yaml_documents import documents

PACK_DATA = ("data.yaml", "data.json")
"""Files of a pack that hold data, where they are there."""


def policy_set_file(path: Path) -> Path:
    """Return the YAML file of the policy set `path`, a file or a folder."""
    return path / POLICY_SET_FILE if path.is_dir() else path


def named_by(file: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders of the packs, and the files of data, that the policy set `file` names.

    Of one that cannot be read none are known: it must change itself before it is right.
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
    """Return the files that the pack in the folder `pack` is read from."""
    return [*rego_files(pack), *(pack / name for name in PACK_DATA)]
