"""Policy sets as files on disk: what is in force, and what every mistake is answered with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from policyd.errors import PolicySetError, PolicySetWarning
from policyd.model import Location, PolicySetRevision
from policyd.policies.matching import Selector
from policyd.policies.packs import built_in
from policyd.policies.policy_set import lint_policy_set, load_policy_set
from policyd.policies.router import router

HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: team}
spec:
  packs: [container]
"""

OWN_HEADING = HEADING.replace("[container]", "[rules/own]")

CONSTRAINT = """---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: c}
spec:
  policy: no-privileged
  enforcementAction: deny
"""

POLICY = """# METADATA
# title: Limit
# description: Too many.
# custom:
#   id: own-limit
#   severity: low
#   remediation: "Use fewer."
#   parameters:
#     limit:
#       type: integer
#       minimum: 1
#       default: 4
#       description: How many.
#     names: {type: array, items: {type: string}, default: []}
package policyd.policies.own_limit

violation contains {"msg": "too many", "service": w.name, "path": w.path, "constraint": c.name} if {
	some c in input.constraints["own-limit"]
	some w in input.workloads
	w.replicas > c.parameters.limit
}
"""

OWN_CONSTRAINT = CONSTRAINT.replace("no-privileged", "own-limit")

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path / "policyset.yaml"

    return written


def own(policy: str, constraint: str = OWN_CONSTRAINT) -> dict[str, str]:
    return {"policyset.yaml": OWN_HEADING + constraint, "rules/own/limit/policy.rego": policy}


def test_catalogue_comes_from_metadata() -> None:
    policy = load_policy_set().policies["no-gpu-via-environment"]

    assert policy.title == "GPU selected by an environment variable"
    assert policy.severity == "high"
    assert policy.remediation == (
        "Declare the GPU as a reservation, and set `NVIDIA_VISIBLE_DEVICES: void` where no GPU is "
        "needed."
    )
    assert policy.references == (
        "NVIDIA Container Toolkit, environment variables: https://docs.nvidia.com/datacenter/"
        "cloud-native/container-toolkit/latest/docker-specialized.html",
    )
    assert policy.pack == "gpu"
    assert policy.module == "gpu/no_gpu_via_environment/policy.rego"


def test_environment_names_are_those_that_some_policy_reads(write: Write) -> None:
    names = load_policy_set(write({"policyset.yaml": HEADING})).environment_names

    selecting = {"NVIDIA_VISIBLE_DEVICES", "DOCKER_RESOURCE_*", "CUDA_VERSION"}
    assert selecting <= names
    assert "NVIDIA_GDS" not in names
    assert {*selecting, "NVIDIA_GDS"} <= load_policy_set().environment_names


def test_folder_of_a_policy_set_stands_for_its_file(write: Write) -> None:
    file = write({"policyset.yaml": HEADING + CONSTRAINT})

    assert load_policy_set(file.parent).revision == load_policy_set(file).revision


def test_constraint_holds_what_its_document_says(write: Write) -> None:
    file = write(
        {
            "policyset.yaml": HEADING
            + CONSTRAINT.replace("deny", "{default: deny, forge: warn, cli: dryrun}")
            + "  match:\n    repositories: ['ml/**']\n    services: [web]\n"
            + "    enforcementPoints: [ci, forge]\n"
            + "  exclude: {repositories: ['ml/sandbox-*'], operations: [DELETE]}\n"
        }
    )

    (constraint,) = load_policy_set(file).constraints

    assert constraint.name == "c"
    assert constraint.policy == "no-privileged"
    assert [constraint.action_at(point) for point in ("cli", "ci", "forge")] == [
        "dryrun",
        "deny",
        "warn",
    ]
    assert constraint.match == Selector(
        repositories=("ml/**",), services=("web",), enforcement_points=("ci", "forge")
    )
    assert constraint.exclude == Selector(repositories=("ml/sandbox-*",), operations=("DELETE",))
    assert constraint.location == Location(str(file), 7, 1)


def test_labels_of_a_constraint_are_kept(write: Write) -> None:
    labels = "{name: c, labels: {acme.example/team: ml, tier: '1'}}"
    file = write({"policyset.yaml": HEADING + CONSTRAINT.replace("{name: c}", labels)})

    (constraint,) = load_policy_set(file).constraints

    assert constraint.labels == {"acme.example/team": "ml", "tier": "1"}
    assert constraint.match == Selector()


@pytest.mark.thorough
def test_all_errors_of_constraints_are_reported_at_once_with_those_of_packs(write: Write) -> None:
    file = write(
        {
            "policyset.yaml": HEADING.replace("[container]", "[container, own]")
            + CONSTRAINT.replace("deny", "block").replace("{name: c}", "{names: c}")
            + "  match: {hosts: [gpu/], services: web}\n  exclude: {projects: [Shop]}\n"
            + CONSTRAINT.replace("no-privileged", "own-limit"),
            "own/policy.rego": POLICY.replace("severity: low", "severity: lowest"),
        }
    )

    found = [str(problem) for problem in lint_policy_set(file)]

    assert found == [
        f"{file.parent}/own/policy.rego:6:15: custom.severity is 'lowest': it must be one of "
        "critical, high, medium, low",
        *(
            f"{file}:{rest}"
            for rest in (
                "9:11: metadata must have the key 'name'",
                "9:12: metadata has the unknown key 'names'; did you mean name?",
                "12:22: spec.enforcementAction is 'block': it must be one of deny, warn, dryrun",
                "13:19: spec.match.hosts[0] is 'gpu/', which never matches: it has an empty part; "
                "write it without // and without / at its ends",
                "13:36: spec.match.services must be a list, not a string",
                "14:24: spec.exclude.projects[0] is 'Shop', which never matches: names of projects "
                "have only lower-case letters, digits, '_' and '-', and begin with a letter or a "
                "digit",
            )
        ),
    ]


@pytest.mark.thorough
def test_a_constraint_that_renaming_evades_is_a_warning(write: Write) -> None:
    file = write({"policyset.yaml": HEADING + CONSTRAINT + "  match: {services: [web]}\n"})

    (warning,) = lint_policy_set(file)

    assert isinstance(warning, PolicySetWarning)
    assert str(warning) == (
        f"{file}:13:21: warning: spec.match.services can be evaded: the author of a project can "
        "rename the service; match repositories, environments, hosts, users, groups or "
        "enforcementPoints instead"
    )
    assert len(load_policy_set(file).constraints) == 1


def test_parameters_are_completed_with_defaults(write: Write) -> None:
    file = write(own(POLICY, OWN_CONSTRAINT + "  parameters: {names: [a]}\n"))

    (constraint,) = load_policy_set(file).constraints

    assert constraint.parameters == {"limit": 4, "names": ["a"]}


def test_pack_of_the_user_is_compiled_with_the_libraries(write: Write) -> None:
    policy_set = load_policy_set(write(own(POLICY)))

    assert set(policy_set.policies) == {"own-limit"}
    assert policy_set.policies["own-limit"].pack == "rules/own"
    assert "rules/own/limit/policy.rego" in policy_set.modules
    assert "lib/gpus.rego" in policy_set.modules


def test_tests_of_a_pack_are_not_loaded() -> None:
    assert not [name for name in load_policy_set().modules if name.endswith("_test.rego")]


def test_data_files_add_to_the_tables(write: Write) -> None:
    file = write(
        {
            "policyset.yaml": HEADING + "  data: [extra.yaml]\n",
            "extra.yaml": "policyd: {tables: {runtimes: {vetted: {my-runc: true, kata: false}}}}\n",
        }
    )

    vetted = load_policy_set(file).data["policyd"]["tables"]["runtimes"]["vetted"]

    assert vetted["my-runc"] is True
    assert vetted["kata"] is False
    assert vetted["runc"] is True


def test_revision_changes_with_anything_in_force_and_with_nothing_else(write: Write) -> None:
    def revision(text: str) -> str:
        return load_policy_set(write({"policyset.yaml": text})).revision

    first = revision(HEADING + CONSTRAINT)

    assert re.fullmatch("sha256:[0-9a-f]{64}", first)
    assert revision("# a comment\n" + HEADING + CONSTRAINT) == first
    assert revision(HEADING + CONSTRAINT.replace("deny", "warn")) != first
    assert revision(HEADING.replace("team", "other") + CONSTRAINT) != first
    assert revision(HEADING.replace("[container]", "[container, gpu]") + CONSTRAINT) != first


def test_revision_changes_with_the_data(write: Write) -> None:
    def revision(word: str) -> str:
        files = {"policyset.yaml": HEADING + "  data: [extra.yaml]\n"}
        files["extra.yaml"] = f"policyd: {{owner: {word}}}\n"
        return load_policy_set(write(files)).revision

    assert revision("a") == revision("a")
    assert revision("a") != revision("b")


def test_revision_is_shown_with_the_name() -> None:
    policy_set = load_policy_set()

    assert policy_set.reference == PolicySetRevision("default", policy_set.revision)


def test_policy_set_never_changes() -> None:
    with pytest.raises(AttributeError):
        load_policy_set().name = "other"  # type: ignore[misc]


def test_policy_set_can_be_shown_as_json() -> None:
    shown = msgspec.json.decode(msgspec.json.encode(load_policy_set()))

    assert shown["constraints"][0]["match"]["enforcementPoints"] == []


def test_router_asks_only_policies_that_constraints_name() -> None:
    assert router([load_policy_set().policies["no-privileged"]]) == (
        "package policyd.router\n\n"
        'findings contains object.union(found, {"policy": "no-privileged"}) if {\n'
        '\tinput.constraints["no-privileged"]\n'
        "\tsome found in data.policyd.policies.no_privileged.violation\n"
        "}\n"
    )


def test_built_in_packs_lie_beside_the_package() -> None:
    folders = {path.name for path in built_in().iterdir() if path.is_dir()}

    assert folders >= {"lib", "main", "gpu", "container"}


MISTAKES = {
    "not YAML": ("a: [", "2:1: invalid YAML: did not find expected node content"),
    "no PolicySet": (CONSTRAINT, "a policy set needs exactly one document of kind Pol"),
    "two PolicySets": (HEADING + "---\n" + HEADING, "7:1: a policy set needs exactly one "),
    "a list": ("- a\n", "1:1: the document must be a mapping, not a list"),
    "unknown key": (
        HEADING + CONSTRAINT + "  matches: {}\n",
        "13:3: spec has the unknown key 'matches'; did you mean match?",
    ),
    "key twice": (HEADING + CONSTRAINT + "  policy: x\n", "spec has the duplicate key 'policy'"),
    "wrong apiVersion": (
        HEADING.replace("policyd/v1", "v2"),
        "1:13: apiVersion is 'v2': it must be policyd/v1",
    ),
    "unknown kind": (
        HEADING + CONSTRAINT.replace("kind: Constraint", "kind: Policy"),
        "8:7: kind is 'Policy': it must be one of PolicySet, Constraint, Exception",
    ),
    "no name": (
        HEADING + CONSTRAINT.replace("metadata: {name: c}\n", ""),
        "7:1: the document must have the key 'metadata'",
    ),
    "unknown policy": (
        HEADING + CONSTRAINT.replace("no-privileged", "no-priviledged"),
        "11:11: spec.policy is 'no-priviledged', but no pack of this policy set has it; "
        "did you mean no-privileged?",
    ),
    "labels of a wrong type": (
        HEADING + CONSTRAINT.replace("{name: c}", "{name: c, labels: [ml]}"),
        "9:29: metadata.labels must be a mapping, not a list",
    ),
    "label that is a number": (
        HEADING + CONSTRAINT.replace("{name: c}", "{name: c, labels: {tier: 1}}"),
        "9:36: metadata.labels.tier must be a string, not an integer",
    ),
    "label with blanks": (
        HEADING + CONSTRAINT.replace("{name: c}", "{name: c, labels: {team: a b}}"),
        "9:36: metadata.labels.team is 'a b': a label has at most 63 letters, digits, '-', '_' and",
    ),
    "key of a label with blanks": (
        HEADING + CONSTRAINT.replace("{name: c}", "{name: c, labels: {a b: c}}"),
        "9:35: metadata.labels.a b has an invalid key; write letters, digits, '-', '_' and '.'",
    ),
    "labels of a policy set": (
        HEADING.replace("{name: team}", "{name: team, labels: {}}"),
        "3:24: metadata has the unknown key 'labels'; valid keys are name",
    ),
    "action in capitals": (
        HEADING + CONSTRAINT.replace("deny", "DENY"),
        "12:22: spec.enforcementAction is 'DENY': it must be one of deny, warn, dryrun; did you "
        "mean deny?",
    ),
    "glob that never matches": (
        HEADING + CONSTRAINT + "  match: {services: [a/b]}\n",
        "13:22: spec.match.services[0] is 'a/b', which never matches: names of services have only",
    ),
    "exclusion of projects by everybody": (
        HEADING + CONSTRAINT + "  exclude: {projects: [shop], repositories: ['**']}\n",
        "13:46: spec.exclude.repositories[0] is '**', which identifies nobody: name the reposit",
    ),
    "unknown action": (
        HEADING + CONSTRAINT.replace("deny", "block"),
        "12:22: spec.enforcementAction is 'block': it must be one of deny, warn, dryrun",
    ),
    "actions without a default": (
        HEADING + CONSTRAINT.replace("deny", "{ci: deny}"),
        "12:22: spec.enforcementAction must have the key 'default'",
    ),
    "unknown enforcement point": (
        HEADING + CONSTRAINT.replace("deny", "{default: deny, gitlab: warn}"),
        "12:38: spec.enforcementAction has the unknown key 'gitlab'",
    ),
    "action of a wrong type": (
        HEADING + CONSTRAINT.replace("deny", "[deny]"),
        "12:22: spec.enforcementAction must be a string, not a list",
    ),
    "name twice": (
        HEADING + CONSTRAINT + CONSTRAINT,
        "14:1: duplicate name 'c', already used at ",
    ),
    "glob of a wrong type": (
        HEADING + CONSTRAINT + "  match: {repositories: ml}\n",
        "13:25: spec.match.repositories must be a list, not a string",
    ),
    "number as a glob": (
        HEADING + CONSTRAINT + "  match: {hosts: [1]}\n",
        "13:19: spec.match.hosts[0] must be a string, not an integer",
    ),
    "empty list": (
        HEADING + CONSTRAINT + "  match: {hosts: []}\n",
        "13:18: spec.match.hosts is an empty list, which would select nothing",
    ),
    "unknown operation": (
        HEADING + CONSTRAINT + "  match: {operations: [DEPLOY]}\n",
        "13:24: spec.match.operations[0] is 'DEPLOY': it must be one of CHECK, CREATE",
    ),
    "exclusion of services": (
        HEADING + CONSTRAINT + "  exclude: {services: [web]}\n",
        "13:23: spec.exclude.services is not allowed",
    ),
    "unknown parameter": (
        HEADING + CONSTRAINT + "  parameters: {limit: 1}\n",
        "13:16: spec.parameters has the unknown key 'limit'; no key is valid here",
    ),
    "unknown pack": (
        HEADING.replace("container", "containers"),
        "5:11: spec.packs[0] is 'containers', which is neither a built-in pack (container, ",
    ),
    "pack twice": (
        HEADING.replace("container", "gpu, gpu"),
        "5:16: spec.packs[1] is 'gpu': duplicate pack 'gpu'",
    ),
    "no packs": (HEADING.replace("container", ""), "5:10: spec.packs is empty"),
    "alias": (HEADING.replace("team", "&a team") + "x: *a\n", "YAML aliases are not supported"),
    "deep nesting": (HEADING + "x: " + "[" * 60, "the nesting exceeds the limit of 50 levels"),
    "missing data file": (
        HEADING + "  data: [none.yaml]\n",
        "6:10: spec.data[0] is 'none.yaml': there is no such file beside the policy set",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_in_a_policy_set_is_refused_with_its_place(write: Write, mistake: str) -> None:
    text, expected = MISTAKES[mistake]
    file = write({"policyset.yaml": text})

    with pytest.raises(PolicySetError) as caught:
        load_policy_set(file)

    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(file.parent))


RULE_MISTAKES = {
    "no METADATA": (POLICY.replace("# METADATA", "#"), "policy.rego:15:1: a policy must have"),
    "METADATA that is not YAML": (
        POLICY.replace("Too many.", "Too: many: colons"),
        "limit/policy.rego:3:19: invalid YAML",
    ),
    "unknown key": (
        POLICY.replace("#   severity", "#   severty"),
        "6:5: custom has the unknown key 'severty'; did you mean severity?",
    ),
    "unknown severity": (
        POLICY.replace("severity: low", "severity: minor"),
        "6:15: custom.severity is 'minor': it must be one of critical, high, medium, low",
    ),
    "id of another package": (
        POLICY.replace("id: own-limit", "id: other-limit"),
        "5:9: custom.id is 'other-limit', so the package must be policyd.policies.other_limit, "
        "not policyd.policies.own_limit",
    ),
    "id in capitals": (POLICY.replace("id: own-limit", "id: Own"), "use lower-case letters"),
    "parameter without a default": (
        POLICY.replace("#       default: 4\n", ""),
        "10:9: custom.parameters.limit must have the key 'default'",
    ),
    "default of a wrong type": (
        POLICY.replace("default: 4", "default: four"),
        "12:18: custom.parameters.limit.default must be an integer, not a string",
    ),
    "default below the minimum": (
        POLICY.replace("default: 4", "default: 0"),
        "custom.parameters.limit.default is 0: it must be at least 1",
    ),
    "unknown type": (
        POLICY.replace("type: integer", "type: int"),
        "10:15: custom.parameters.limit.type is 'int': it must be one of string, boolean",
    ),
    "minimum of a text": (
        POLICY.replace("type: integer", "type: string").replace("default: 4", "default: a"),
        "custom.parameters.limit.minimum is only valid for the type integer or number",
    ),
    "Rego that does not parse": (
        POLICY.replace("> c.parameters", ">> c.parameters"),
        "limit/policy.rego:20:14: expecting expression",
    ),
    "Rego that does not compile": (
        POLICY.replace("some w in input.workloads", "some x in input.workloads"),
        "limit/policy.rego:",
    ),
    "Rego that the lint refuses": (
        POLICY.replace('"too many"', 'sprintf("%v", [w])'),
        "limit/policy.rego:17:37: the engines format %v differently",
    ),
    "package of another tree": (
        POLICY.replace("package policyd.policies.own_limit", "package main"),
        "5:9: custom.id is 'own-limit', so the package must be policyd.policies.own_limit, "
        "not main",
    ),
    "package beside those of policies": (
        POLICY.replace("package policyd.policies.own_limit", "package policyd.policy.own_limit"),
        "limit/policy.rego:15:9: the package is policyd.policy.own_limit: a package below "
        "policyd must start with policyd.policies. or policyd.lib.",
    ),
    "package of OPA": (
        "package system.main\n\ndeny contains 1 if input.review\n",
        "limit/policy.rego:1:9: the package is system.main, but OPA reserves system",
    ),
    "plain rule that is no set": (
        "package main\n\ndeny if input.review\n",
        "limit/policy.rego:3:1: deny must be a set of messages; write `deny contains msg if { … }`",
    ),
    "package of policyd": (
        POLICY.replace("package policyd.policies.own_limit", "package policyd.lib.gpus"),
        "limit/policy.rego:15:9: the package policyd.lib.gpus is reserved for policyd",
    ),
    "id of a built-in policy": (
        POLICY.replace("own-limit", "no-privileged").replace("own_limit", "no_privileged"),
        "duplicate policy 'no-privileged': it is already in the pack 'container'",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mistake", RULE_MISTAKES)
def test_mistake_in_a_pack_is_refused_with_its_place(write: Write, mistake: str) -> None:
    policy, expected = RULE_MISTAKES[mistake]
    file = write(
        {
            "policyset.yaml": HEADING.replace("[container]", "[container, rules/own]"),
            "rules/own/limit/policy.rego": policy,
        }
    )

    with pytest.raises(PolicySetError) as caught:
        load_policy_set(file)

    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("{limit: 0}", "13:23: spec.parameters.limit is 0: it must be at least 1"),
        ("{limit: '4'}", "13:23: spec.parameters.limit must be an integer, not a string"),
        ("{limit: true}", "spec.parameters.limit must be an integer, not a boolean"),
        ("{names: [a, 1]}", "13:27: spec.parameters.names[1] must be a string, not an integer"),
        ("{limits: 4}", "spec.parameters has the unknown key 'limits'; did you mean limit?"),
        ("[]", "13:15: spec.parameters must be a mapping, not a list"),
        ("{limit: 1234567890123456789}", "is an integer of more than 18 digits"),
    ],
)
def test_parameters_are_checked_against_the_schema_of_the_policy(
    write: Write, parameters: str, expected: str
) -> None:
    file = write(own(POLICY, OWN_CONSTRAINT + f"  parameters: {parameters}\n"))

    with pytest.raises(PolicySetError) as caught:
        load_policy_set(file)

    assert expected in str(caught.value)


def test_missing_policy_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicySetError, match=r"none\.yaml: cannot be read: No such file"):
        load_policy_set(tmp_path / "none.yaml")


def test_data_of_another_root_is_refused(write: Write) -> None:
    file = write(
        {"policyset.yaml": HEADING + "  data: [extra.yaml]\n", "extra.yaml": "hosts: {a: 1}\n"}
    )

    with pytest.raises(PolicySetError, match=r"extra\.yaml:1:1: the document has the unknown key"):
        load_policy_set(file)


def test_data_of_two_shapes_is_refused(write: Write) -> None:
    file = write(
        {
            "policyset.yaml": HEADING + "  data: [extra.yaml]\n",
            "extra.yaml": "policyd: {tables: {drivers: nvidia}}\n",
        }
    )

    with pytest.raises(PolicySetError, match=r"policyd\.tables\.drivers is a mapping in one"):
        load_policy_set(file)


def test_a_folder_with_the_name_of_a_built_in_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gpu").mkdir()
    (tmp_path / "policyset.yaml").write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {packs: [gpu]}\n"
    )

    with pytest.raises(PolicySetError) as caught:
        load_policy_set(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path}/policyset.yaml:4:16: spec.packs[0] is 'gpu', which is a built-in pack and "
        "also a folder beside the policy set; rename the folder"
    )
