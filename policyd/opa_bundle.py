"""Write a policy set as an OPA bundle, for any OPA server.

In: a policy set. Out: the bytes of a tar.gz with `.manifest` (revision, roots), the Rego modules
and `data.json`. The same policy set results in the same bytes, so that a digest can be the ETag.
Source: OPA documentation, "Bundles".
"""

from __future__ import annotations

import gzip
import io
import tarfile

from policyd.model import to_json
from policyd.policies.packs import package_of
from policyd.policies.policy_set import PolicySet


def build(policy_set: PolicySet) -> bytes:
    """Return the OPA bundle of `policy_set`.

    Its roots, the documents below `data` that the bundle owns, are the root packages of its
    modules: `policyd`, and those of plain conftest rules.
    """
    roots = sorted({package_of(text).split(".")[0] for text in policy_set.modules.values()})
    manifest = {"revision": policy_set.revision, "roots": roots, "rego_version": 1}
    files = {
        ".manifest": to_json(manifest),
        "data.json": to_json(policy_set.data),
        **{name: text.encode() for name, text in policy_set.modules.items()},
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"/{name}")
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
