"""The main process's part: load, watch, publish; refuse what is not right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from policyd.config import Settings
from policyd.errors import PolicySetError
from policyd.policies.policy_set import load_policy_set
from policyd.serving import publication
from policyd.serving import reloader as reloader_module
from policyd.serving.reloader import Reloader

HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: acme}
spec: {packs: [gpu, rules], data: [hosts.yaml]}
"""
POLICY = """# METADATA
# title: Named
# description: A service is named after nothing.
# custom:
#   id: named
#   severity: low
#   remediation: Rename it.
package policyd.policies.named

violation contains {"msg": "it is named x", "service": "x", "path": ["services", "x"]} if {
	some workload in input.workloads
	workload.name == "x"
}
"""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(reloader_module, "SETTLE_SECONDS", 0)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The folder of a policy set with a pack and data of its own."""
    folder = tmp_path / "acme"
    (folder / "rules" / "named").mkdir(parents=True)
    (folder / "policyset.yaml").write_text(HEADING)
    (folder / "rules" / "named" / "policy.rego").write_text(POLICY)
    (folder / "hosts.yaml").write_text("policyd: {hosts: [a]}\n")
    return folder


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Where the reloader publishes."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


@pytest.fixture
def reloader(rules: Path, shelf: Path) -> Reloader:
    return Reloader(Settings(policy_set=str(rules)), shelf)


@pytest.mark.thorough
def test_the_policy_set_is_published_as_it_was_loaded(reloader, shelf, rules):
    found = publication.read(shelf)

    assert found.policy_set == load_policy_set(rules)
    assert (found.status.loads, found.status.refusals, found.status.problem) == (1, 0, "")
    assert found.status.loaded_at > found.status.refused_at == 0


@pytest.mark.thorough
def test_nothing_is_published_again_while_nothing_changes(reloader, shelf):
    before = publication.stamp(shelf)

    reloader.check()

    assert publication.stamp(shelf) == before


@pytest.mark.slow
def test_a_change_of_any_of_its_files_is_followed(reloader, shelf, rules):
    changes = {
        "policyset.yaml": HEADING.replace("acme", "acme-2"),
        "rules/named/policy.rego": POLICY.replace("it is", "it must not be"),
        "rules/other.rego": "package policyd.lib.other\n\nx := 1\n",
        "rules/data.yaml": "policyd: {more: 1}\n",
        "hosts.yaml": "policyd: {hosts: [b]}\n",
    }
    for loads, (file, text) in enumerate(changes.items(), 2):
        before = publication.read(shelf)
        (rules / file).write_text(text)

        reloader.check()

        after = publication.read(shelf)
        assert after.policy_set.revision != before.policy_set.revision, file
        assert (after.status.loads, after.status.problem) == (loads, ""), file
        assert after.status.loaded_at > before.status.loaded_at, file


@pytest.mark.slow
def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time_is_followed(
    reloader, shelf, rules
):
    file = rules / "hosts.yaml"
    found = file.stat()
    new = rules / "new.yaml"
    new.write_text("policyd: {hosts: [b]}\n")
    os.utime(new, ns=(found.st_atime_ns, found.st_mtime_ns))
    new.replace(file)

    reloader.check()

    assert publication.read(shelf).policy_set.data["policyd"]["hosts"] == ["b"]


@pytest.mark.slow
def test_what_is_not_right_is_refused_and_the_last_good_one_stays(reloader, shelf, rules):
    mistakes = [
        (
            "policyset.yaml",
            HEADING + "nonsense: 1\n",
            "policyset.yaml:5:1: the document has the unknown key 'nonsense'",
        ),
        ("rules/named/policy.rego", POLICY + "x := {\n", "rules/named/policy.rego:"),
        ("hosts.yaml", "hosts: [b]\n", "hosts.yaml:1:1: the document has the unknown key 'hosts'"),
        (
            "hosts.yaml",
            "policyd: {main: {result: 1}}\n",
            "the result of data.policyd.main.result is malformed: ",
        ),
    ]
    first = publication.read(shelf)
    for refusals, (file, text, problem) in enumerate(mistakes, 1):
        before = publication.read(shelf)
        right = (rules / file).read_text()
        (rules / file).write_text(text)

        reloader.check()

        after = publication.read(shelf)
        assert after.policy_set == first.policy_set
        assert after.status.problem.startswith(problem)
        assert str(rules) not in after.status.problem
        assert (after.status.loads, after.status.refusals) == (1, refusals)
        assert after.status.refused_at > before.status.refused_at
        assert after.status.refused_at > after.status.loaded_at == first.status.loaded_at
        (rules / file).write_text(right)


@pytest.mark.slow
def test_what_is_refused_is_not_tried_again_until_it_changes_or_somebody_asks(
    reloader, shelf, rules
):
    (rules / "hosts.yaml").unlink()
    reloader.check()
    reloader.check()
    assert publication.read(shelf).status.refusals == 1

    reloader.check(forced=True)
    assert publication.read(shelf).status.refusals == 2

    (rules / "hosts.yaml").write_text("policyd: {hosts: [c]}\n")
    reloader.check()

    found = publication.read(shelf)
    assert (found.status.loads, found.status.refusals, found.status.problem) == (2, 2, "")
    assert found.policy_set.data["policyd"]["hosts"] == ["c"]


@pytest.mark.slow
def test_a_pack_that_is_not_there_yet_is_waited_for(reloader, shelf, rules):
    (rules / "policyset.yaml").write_text(HEADING.replace("rules]", "rules, later]"))
    reloader.check()
    assert "later" in publication.read(shelf).status.problem

    (rules / "later").mkdir()
    (rules / "later" / "lib.rego").write_text("package policyd.lib.later\n\nx := 1\n")
    reloader.check()

    assert "later/lib.rego" in publication.read(shelf).policy_set.modules


@pytest.mark.slow
def test_files_that_change_all_the_time_are_read_after_a_while(reloader, shelf, rules, monkeypatch):
    def change(seconds: float) -> None:
        with (rules / "hosts.yaml").open("a") as file:
            file.write("# again\n")

    monkeypatch.setattr(reloader_module.time, "sleep", change)
    change(0)
    reloader.check()

    assert publication.read(shelf).status.loads == 2


@pytest.mark.slow
def test_the_policy_set_that_comes_with_policyd_is_loaded_again_when_asked(shelf):
    reloader = Reloader(Settings(), shelf)
    reloader.check()
    assert publication.read(shelf).status.loads == 1

    reloader.check(forced=True)
    assert publication.read(shelf).status.loads == 2


@pytest.mark.thorough
def test_a_policy_set_that_is_wrong_from_the_start_is_an_error(rules, shelf):
    (rules / "policyset.yaml").write_text("kind: PolicySet\n")

    with pytest.raises(PolicySetError, match="apiVersion"):
        Reloader(Settings(policy_set=str(rules)), shelf)


@pytest.mark.slow
def test_a_folder_that_is_gone_does_not_end_the_reloader(reloader, shelf, rules, capsys):
    (shelf / publication.FILE).unlink()
    shelf.rmdir()

    reloader.check(forced=True)

    assert "policy set not published" in capsys.readouterr().out


@pytest.mark.thorough
def test_a_publication_that_was_removed_is_published_again(reloader, shelf):
    before = publication.read(shelf)
    assert reloader.publish_again() is False

    (shelf / publication.FILE).unlink()

    assert reloader.publish_again() is True
    assert publication.read(shelf) == before
