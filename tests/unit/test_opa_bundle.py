from __future__ import annotations

import gzip
import io
import json
import tarfile

import msgspec

from policyd.opa_bundle import build
from policyd.policies.policy_set import PolicySet

MODULES = {
    "gpu/b.rego": "package policyd.policies.b\n",
    "gpu/a.rego": "# METADATA\npackage policyd.lib.a\n",
    "plain/main.rego": "package main\n",
}
SET = PolicySet("ours", "sha256:11", {}, (), MODULES, {"policyd": {"tables": {"é": 1}}})


def test_a_bundle_holds_manifest_data_and_modules_by_name() -> None:
    with tarfile.open(fileobj=io.BytesIO(build(SET)), mode="r:gz") as archive:
        members = archive.getmembers()
        content = {one.name: archive.extractfile(one).read() for one in members}

    assert [one.name.lstrip("/") for one in members] == [
        ".manifest",
        "data.json",
        "gpu/a.rego",
        "gpu/b.rego",
        "plain/main.rego",
    ]
    by_name = {name.lstrip("/"): text for name, text in content.items()}
    assert json.loads(by_name.pop(".manifest")) == {
        "revision": "sha256:11",
        "roots": ["main", "policyd"],
        "rego_version": 1,
    }
    assert json.loads(by_name.pop("data.json")) == SET.data
    assert by_name == {name: text.encode() for name, text in MODULES.items()}
    assert {(one.mode, one.mtime, one.uid, one.uname) for one in members} == {(0o644, 0, 0, "")}


def test_the_same_policy_set_results_in_the_same_bytes() -> None:
    turned = msgspec.structs.replace(SET, modules=dict(reversed(MODULES.items())))

    assert build(turned) == build(SET)
    assert gzip.decompress(build(SET))
    assert build(msgspec.structs.replace(SET, revision="sha256:22")) != build(SET)
