"""Loaded policy sets on disk are what loading returns, and used only if nothing changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from policyd.errors import PolicySetError
from policyd.model import to_json
from policyd.policies.policy_set import load_policy_set
from policyd.policies.policy_set_cache import cached_policy_set, installed_program

PROGRAM = "the digest of the program"
POLICY_SET = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: ours}
spec: {packs: [own], data: [more.yaml]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: no-bad-name}
spec: {policy: no-bad-name, enforcementAction: deny}
"""
POLICY = """\
# METADATA
# title: No bad name
# description: A name is good.
# custom:
#   id: no-bad-name
#   severity: low
#   remediation: Rename it.
package policyd.policies.no_bad_name

import data.policyd.lib.workload

violation contains workload.finding(w, [], "a bad name") if {
\tsome w in input.workloads
\tw.name == "bad"
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a policy set with a pack and data of its own."""
    own = tmp_path / "rules"
    (own / "own").mkdir(parents=True)
    (own / "policyset.yaml").write_text(POLICY_SET)
    (own / "own" / "no_bad_name.rego").write_text(POLICY)
    (own / "more.yaml").write_text("policyd: {organisation: {}}\n")
    return own


class Cache:
    """A folder of caches below `place`; `hit` tells what an entry says, whatever was loaded."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self.environment = {"XDG_CACHE_HOME": str(place)}
        self.folder = place / "policyd"

    def get(self, path: Path | None, program: str | None = PROGRAM):
        return cached_policy_set(path, self.environment, program)

    @property
    def entries(self) -> list[Path]:
        return sorted(self.folder.glob("*")) if self.folder.exists() else []

    def mark(self) -> None:
        """Change the name of the policy set in the only entry, so that a hit can be told."""
        [entry] = self.entries
        kept = msgspec.json.decode(entry.read_bytes())
        kept["policy_set"]["name"] = "from the cache"
        entry.write_bytes(to_json(kept))

    def is_hit(self, path: Path | None, program: str | None = PROGRAM) -> bool:
        return self.get(path, program).name == "from the cache"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "caches")


@pytest.fixture
def marked(cache: Cache, folder: Path) -> Cache:
    """Return a cache whose entry of `folder` says that it is from the cache."""
    cache.get(folder)
    cache.mark()
    assert cache.is_hit(folder)
    return cache


def test_the_policy_set_is_the_same_from_the_cache(cache, folder):
    for path in (None, folder):
        loaded = load_policy_set(path)
        assert [cache.get(path), cache.get(path)] == [loaded, loaded]
    assert len(cache.entries) == 2


def test_only_its_owner_can_read_the_cache(marked):
    assert marked.folder.stat().st_mode & 0o777 == 0o700
    assert marked.entries[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("policyset.yaml", POLICY_SET.replace("deny", "warn")),
        ("own/no_bad_name.rego", POLICY.replace("a bad name", "an odd name")),
        ("own/another.rego", "package policyd.lib.another\n\nname := 1\n"),
        ("own/data.yaml", "policyd: {organisation: {}}\n"),
        ("more.yaml", "# nothing else\npolicyd: {organisation: {}}\n"),
    ],
)
def test_a_file_that_is_new_or_has_another_content_is_read(marked, folder, file, text):
    before = (folder / "policyset.yaml").stat()
    (folder / file).write_text(text)
    os.utime(folder / file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert not marked.is_hit(folder)


def test_a_folder_beside_it_that_makes_the_name_of_a_pack_ambiguous_is_seen(cache, folder):
    (folder / "policyset.yaml").write_text(POLICY_SET.replace("[own]", "[own, gpu]"))
    cache.get(folder)
    (folder / "gpu").mkdir()

    with pytest.raises(PolicySetError, match="also a folder beside the policy set"):
        cache.get(folder)


def test_another_program_path_or_current_folder_has_another_entry(marked, folder, monkeypatch):
    assert not marked.is_hit(folder, "another program")
    assert not marked.is_hit(folder / "policyset.yaml")
    monkeypatch.chdir(folder.parent)
    assert not marked.is_hit(folder)


def test_a_policy_set_with_an_error_is_not_kept(cache, folder):
    (folder / "own" / "no_bad_name.rego").write_text("package")

    for _ in range(2):
        with pytest.raises(PolicySetError):
            cache.get(folder)
    assert cache.entries == []


@pytest.mark.thorough
@pytest.mark.parametrize("content", [b"", b"{", b'{"sources": [], "digest": "", "policy_set": 1}'])
def test_an_entry_that_is_damaged_is_replaced(marked, folder, content):
    marked.entries[0].write_bytes(content)

    assert marked.get(folder) == load_policy_set(folder)
    marked.mark()
    assert marked.is_hit(folder)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_an_entry_that_others_can_write_is_not_used(marked, folder, mode):
    marked.entries[0].chmod(mode)

    assert not marked.is_hit(folder)


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_is_not_used(marked, folder, mode):
    marked.folder.chmod(mode)

    assert not marked.is_hit(folder)


def test_links_are_not_followed(marked, folder, tmp_path):
    entry = marked.entries[0]
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert not marked.is_hit(folder)

    shutil.move(marked.folder, tmp_path / "moved")
    marked.folder.symlink_to(tmp_path / "moved")
    marked.get(folder)
    assert marked.get(folder) == load_policy_set(folder)


def test_the_cache_of_another_user_is_not_used(marked, folder, monkeypatch):
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)

    assert not marked.is_hit(folder)


@pytest.mark.parametrize(
    "environment", [{}, {"XDG_CACHE_HOME": "relative"}, {"HOME": "/no/such/home"}]
)
def test_without_a_folder_the_policy_set_is_loaded(folder, environment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert cached_policy_set(folder, environment, PROGRAM) == load_policy_set(folder)
    assert not (tmp_path / "relative").exists()


def test_a_pack_with_a_pipe_is_not_kept(cache, folder):
    os.mkfifo(folder / "own" / "pipe")

    assert cache.get(folder) == load_policy_set(folder)
    assert cache.entries == []


def test_a_checkout_keeps_nothing(cache, folder):
    assert installed_program() is None
    assert cache.get(folder, None) == load_policy_set(folder)
    assert cache.entries == []
