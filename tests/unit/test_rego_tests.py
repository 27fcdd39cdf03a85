"""The runner of Rego tests and samples, and the tests of our own policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from policyd.engines.embedded import interpreter
from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.packs import built_in
from policyd.policies.policy_set import load_policy_set
from policyd.rego_tests import Coverage, coverage, percentage, run
from policyd.workloads.model import Workload

POLICY = """# METADATA
# title: Image
# description: Only our own.
# custom:
#   id: own-images
#   severity: low
#   remediation: "Use ours."
package policyd.policies.own_images

violation contains {"msg": "foreign image", "service": w.name, "path": w.path} if {
	some w in input.workloads
	not startswith(w.image, "registry.example/")
}
"""

TEST = """package policyd.policies.own_images_test

import data.policyd.lib.fixture
import data.policyd.policies.own_images

test_foreign_image_is_reported if {
	found := own_images.violation with input as fixture.app({"image": "nginx"})
	count(found) == 1
}
"""

SAMPLE = "services:\n  web:\n    image: nginx\n"

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return written


def pack(**files: str) -> dict[str, str]:
    names = {"policy": "policy.rego", "test": "policy_test.rego", "sample": "samples/denied.yaml"}
    return {"images/policy.rego": POLICY} | {
        f"images/{names[name]}": text for name, text in files.items()
    }


@pytest.mark.slow
def test_tests_and_samples_of_our_own_policies_pass() -> None:
    results = run([built_in()])

    assert [result for result in results if not result.passed] == []
    folders = [path.parent for path in built_in().glob("*/*/policy.rego")]
    names = [result.location.file for result in results]
    for folder in folders:
        assert str(folder / "policy_test.rego") in names
        assert [name for name in names if name.startswith(f"{folder}/samples/allowed_")]
        assert [name for name in names if name.startswith(f"{folder}/samples/denied_")]


@pytest.mark.thorough
def test_one_policy_of_ours_is_tested_beside_the_others() -> None:
    results = run([built_in() / "gpu" / "no_all_gpus"])

    assert [result for result in results if not result.passed] == []
    files = [Path(result.location.file) for result in results]
    assert {file.name for file in files} == {"policy_test.rego", "compose.yaml"}
    assert all("no_all_gpus" in file.parts for file in files)


def test_denied_samples_of_our_own_policies_show_their_policy() -> None:
    samples = [*built_in().glob("*/*/samples/denied_*/compose.yaml")]

    assert samples
    for sample in samples:
        policy = sample.parents[2].name.replace("_", "-")
        assert policy in sample.read_text().splitlines()[0].split(), sample


def test_fixture_has_each_key_of_a_workload() -> None:
    text = (built_in() / "lib" / "fixture_test.rego").read_text()
    engine = interpreter({"f.rego": text, "t.rego": "package t\nx := data.policyd.lib.fixture"
                          '.service("app", {})\n'}, {})  # fmt: skip

    found = yaml.safe_load(engine.eval_rule_as_json("data.t.x"))

    assert sorted(found) == sorted(Workload.__struct_fields__)


def test_passing_tests_are_named_with_their_places(write: Write) -> None:
    root = write(pack(test=TEST, sample="# expect: own-images\n" + SAMPLE))

    rego, sample = run([root])

    assert rego.passed
    assert rego.name == "data.policyd.policies.own_images_test.test_foreign_image_is_reported"
    assert rego.location == Location(str(root / "images/policy_test.rego"), 6, 1)
    assert sample.passed
    assert sample.location.file == str(root / "images/samples/denied.yaml")


def test_test_that_is_not_true_fails_with_what_it_printed(write: Write) -> None:
    text = TEST.replace("count(found) == 1", 'print("found", count(found))\n\tcount(found) == 2')

    (result,) = run([write(pack(test=text))])

    assert not result.passed
    assert result.message == "the rule is not true"
    assert [line.endswith("found 1") for line in result.printed] == [True]


def test_test_whose_evaluation_fails_is_a_failure_with_its_place(write: Write) -> None:
    text = TEST.replace("count(found) == 1", 'to_number("a") == 1')

    (result,) = run([write(pack(test=text))])

    assert "policy_test.rego:8:16: could not parse string as number" in result.message


def test_policy_that_is_broken_fails_its_tests_and_samples(write: Write) -> None:
    files = pack(test=TEST, sample="# expect: own-images\n" + SAMPLE)
    files["images/policy.rego"] = POLICY.replace("not startswith", "startswith")

    rego, sample = run([write(files)])

    assert rego.message == "the rule is not true"
    assert sample.message == "expected own-images, reported nothing"


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("own-images own-images", "expected own-images, own-images, reported own-images"),
        ("nothing", "expected nothing, reported own-images"),
    ],
)
def test_sample_must_give_each_expected_violation_and_no_other(
    write: Write, expect: str, message: str
) -> None:
    (result,) = run([write(pack(sample=f"# expect: {expect}\n" + SAMPLE))])

    assert result.message == message


def test_sample_that_compose_refuses_fails_with_the_reason(write: Write) -> None:
    text = "# expect: own-images\nservices:\n  web:\n    imgae: nginx\n"

    (result,) = run([write(pack(sample=text))])

    assert result.message.startswith("the sample cannot be evaluated: denied.yaml:4:12: ")


def test_sample_may_be_a_folder_with_files_beside_the_compose_file(write: Write) -> None:
    files = {"images/policy.rego": POLICY} | {
        "images/samples/denied_env/compose.yaml": (
            "# expect: own-images\nservices:\n  web:\n    image: ${IMAGE}\n    env_file: [a.env]\n"
        ),
        "images/samples/denied_env/.env": "IMAGE=nginx\n",
        "images/samples/denied_env/a.env": "A=1\n",
    }

    (result,) = run([write(files)])

    assert result.message == ""
    assert result.location.file.endswith("samples/denied_env/compose.yaml")


def test_sample_in_a_folder_is_judged_with_what_it_refers_to(write: Write) -> None:
    text = "# expect: own-images\nservices:\n  web:\n    image: ${IMAGE:?}\n    env_file: more\n"
    beside = {"images/samples/hub/.env": "IMAGE=nginx\n", "images/samples/hub/more": "A=1\n"}
    files = pack() | beside | {"images/samples/hub/compose.yaml": text}

    (result,) = run([write(files)])

    assert (result.message, Path(result.name).parent.name) == ("", "hub")


def test_samples_of_a_pack_of_the_user_are_judged_by_that_pack_alone(write: Write) -> None:
    text = "# expect: own-images\n" + SAMPLE + "    privileged: true\n"

    (result,) = run([write(pack(sample=text))])

    assert result.passed


MISTAKES = {
    "two tests of one name": (
        pack(test=TEST + "\ntest_foreign_image_is_reported if {\n\ttrue\n}\n"),
        "policy_test.rego:11:1: duplicate test test_foreign_image_is_reported, already defined at ",
    ),
    "two tests of one name in two files": (
        pack(test=TEST) | {"images/more_test.rego": TEST},
        "already defined at ",
    ),
    "no expectation": (pack(sample=SAMPLE), "denied.yaml:1:1: a sample must begin with the line"),
    "expectation of an unknown policy": (
        pack(sample="# expect: no-images\n" + SAMPLE),
        "denied.yaml:1:1: unknown policy 'no-images'",
    ),
    "test that does not parse": (
        pack(test=TEST + "test_x if {\n"),
        "policy_test.rego:11:1: expecting",
    ),
    "no tests": (pack(), "no *_test.rego and no samples below "),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_in_tests_is_refused_with_its_place(write: Write, mistake: str) -> None:
    files, expected = MISTAKES[mistake]

    with pytest.raises(PolicySetError) as caught:
        run([write(files)])

    assert expected in str(caught.value)


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicySetError, match="none: the folder does not exist"):
        run([tmp_path / "none"])


def test_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "policy_test.rego"
    file.write_text("package x_test\n")

    with pytest.raises(PolicySetError) as caught:
        run([file])
    assert str(caught.value) == f"{file}: is a file; name its folder"


@pytest.mark.slow
def test_rego_tests_of_our_own_policies_evaluate_nearly_every_line() -> None:
    files = coverage([built_in()])

    covered = sum(file.covered for file in files)
    missed = {file.file: file.missed for file in files if file.missed}
    assert covered >= 0.98 * (covered + sum(map(len, missed.values()))), missed


def test_line_that_no_test_evaluates_is_told(write: Write) -> None:
    files = pack(test=TEST)
    files["images/policy.rego"] += "\nother(w) if {\n\tw.privileged\n}\n"
    root = write(files)

    (found,) = coverage([root])

    assert found.file == str(root / "images/policy.rego")
    assert found.covered == 3
    assert found.missed == (16,)


def test_file_that_no_test_touches_counts_with_all_its_lines(write: Write) -> None:
    library = "package policyd.lib.images\n\nforeign(w) if {\n\tw.image\n}\n\nx := 1\n"
    root = write(pack(test=TEST) | {"images/lib.rego": library})

    untouched, _ = coverage([root])

    assert untouched == Coverage(str(root / "images/lib.rego"), 0, (4, 7))
    assert percentage([untouched]) == 0
    assert percentage([untouched, Coverage("x.rego", 6, ())]) == 75


def test_every_policy_of_ours_has_a_fix_and_a_reference() -> None:
    for policy in load_policy_set().policies.values():
        assert policy.remediation.endswith("."), policy.id
        assert policy.references, policy.id


OTHER = """# METADATA
# title: Tag
# description: Tags that are allowed.
# custom:
#   id: allowed-tags
#   severity: low
#   remediation: "Use another."
#   parameters:
#     tags: {type: array, items: {type: string}, default: []}
package policyd.policies.allowed_tags

violation contains {"msg": msg, "service": w.name, "path": w.path, "constraint": c.name} if {
	some c in input.constraints["allowed-tags"]
	some w in input.workloads
	tag := split(w.image, ":")[1]
	not tag in c.parameters.tags
	not data.policyd.tags[tag]
	input.review.source.host == "gpu-01"
	msg := "another tag"
}
"""
DATA = "policyd: {tags: {'%s': true}}\n"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("header", "files", "message"),
    [
        ("# expect: own-images allowed-tags\n# host: gpu-01\n", {}, ""),
        ("# expect: own-images\n# host: gpu-02\n", {}, ""),
        ("# expect: own-images\n", {}, ""),
        (
            "# expect: own-images\n# a word\n# host: gpu-01\n",
            {},
            "reported allowed-tags, own-images",
        ),
        ("# expect: own-images\n#\n# constraints: {own-images: {}}\n# host: gpu-01\n", {}, ""),
        (
            "# expect: nothing\n# host: gpu-01\n# constraints: {allowed-tags: {tags: ['1']}}\n",
            {},
            "",
        ),
        (
            "# expect: own-images\n# host: gpu-01\n",
            {"images/samples/data.yaml": DATA % "1"},
            "",
        ),
        (
            "# expect: own-images\n# host: gpu-01\n",
            {"images/samples/data.yaml": DATA % "2"},
            "reported allowed-tags, own-images",
        ),
        (
            "# expect: nothing\n# constraints: {own-image: {}}\n",
            {},
            "2:17: the document has the unknown key 'own-image'; did you mean own-images?",
        ),
        (
            "# expect: nothing\n# constraints: {allowed-tags: {tags: 1}}\n",
            {},
            "denied.yaml:2:38: allowed-tags.tags must be a list, not an integer",
        ),
        ("# expect: nothing\n# host: [a]\n", {}, "denied.yaml:2:9: the document must be a string"),
    ],
)
def test_sample_says_which_constraints_and_which_host_it_is_judged_by(
    write: Write, header: str, files: Mapping[str, str], message: str
) -> None:
    text = header + "services:\n  web:\n    image: nginx:1\n"
    root = write(
        {"data.yaml": DATA % "0", "images/tags/policy.rego": OTHER, **pack(sample=text), **files}
    )

    (result,) = run([root])

    assert bool(message) is not result.passed
    assert message in result.message


def test_sample_is_judged_by_the_policies_of_its_own_pack(write: Write) -> None:
    files = {"packs/a/images/policy.rego": POLICY, "packs/b/tags/policy.rego": OTHER}
    sample = "# expect: own-images\n# host: gpu-01\n" + SAMPLE
    root = write({"data.yaml": DATA % "0", "packs/a/images/samples/denied.yaml": sample, **files})

    (result,) = run([root])

    assert result.message == ""
