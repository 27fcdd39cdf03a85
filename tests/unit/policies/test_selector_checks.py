"""Globs that never match, selectors that identify nobody, constraints that renaming evades."""

from __future__ import annotations

from policyd.policies.selector_checks import (
    escape_warnings,
    glob_problems,
    identity_problem,
    never_matching,
    selector_warnings,
)
from policyd.policies.yaml_documents import Value, documents
from tests.support.cases import cases


def value(text: str) -> Value:
    (document,) = documents(text, "policyset.yaml")
    return document


EMPTY_PART = "it has an empty part; write it without // and without / at its ends"
SERVICES = "names of services have only letters, digits, '.', '_' and '-'"
PROJECTS = (
    "names of projects have only lower-case letters, digits, '_' and '-', and begin with a letter "
    "or a digit"
)
PATHS = "paths begin with a top-level key of the Compose file, such as services/"


@cases(
    ("field", "glob", "reason"),
    [
        ("repositories", "/ml/train", EMPTY_PART),
        ("repositories", "ml/", EMPTY_PART),
        ("repositories", "https://git.acme.example/ml/train", EMPTY_PART),
        ("repositories", "ml//**", EMPTY_PART),
        ("repositories", "ml/../web", "no part of a name is '..'"),
        ("repositories", "./web", "no part of a name is '.'"),
        ("repositories", " ml/train", "no part of a name begins or ends with a blank"),
        ("repositories", "ml/* ", "no part of a name begins or ends with a blank"),
        (
            "repositories",
            "ml/{a,b}",
            "{ is not special in globs; write a list of names, and only * and **",
        ),
        (
            "hosts",
            "gpu-0?",
            "? is not special in globs; write a list of names, and only * and **",
        ),
        ("hosts", "gpu-01\n", "names have no unprintable characters"),
        ("environments", "prod/", EMPTY_PART),
        ("environments", "a" * 1025, "names have at most 1,024 characters"),
        ("users", "  ", "names are not blank"),
        ("groups", "ops\t", "names have no unprintable characters"),
        ("services", "web server", SERVICES),
        ("services", "services/web", SERVICES),
        ("services", "web[0-9]", SERVICES),
        ("projects", "Shop", PROJECTS),
        ("projects", "-shop", PROJECTS),
        ("projects", "*/shop", PROJECTS),
        ("operations", "create*", "the values are CHECK, CREATE, UPDATE, DELETE"),
        ("enforcementPoints", "c*i*x", "the values are cli, ci, webhook, registry, forge, daemon"),
        ("paths", "services.web.privileged", f"{PATHS}; write services/web/privileged"),
        ("paths", "/services/web", PATHS),
        ("paths", "service/web/privileged", f"{PATHS}; did you mean services?"),
        ("paths", "web/privileged", PATHS),
        ("paths", "services/web/", EMPTY_PART),
        ("paths", "services//privileged", EMPTY_PART),
        ("paths", "services/we b/privileged", SERVICES),
    ],
)
def test_a_glob_that_can_never_match_has_a_reason(field: str, glob: str, reason: str) -> None:
    assert never_matching(field, glob) == reason


@cases(
    ("field", "glob"),
    [
        ("repositories", "ml/train"),
        ("repositories", "git.acme.example:8443/ml/*"),
        ("repositories", "**/train"),
        ("repositories", "ml/**"),
        ("repositories", "ml/.github"),
        ("repositories", "Acme/My.Repo_1~x+y"),
        ("environments", "review/{branch}"),
        ("environments", "prod eu"),
        ("environments", "a" * 1024 + "*"),
        ("hosts", "gpu-*"),
        ("users", "ACME\\ada"),
        ("users", "cn=Ada Lovelace,ou=ml"),
        ("groups", "/ml/ops"),
        ("services", "web-*"),
        ("services", "**"),
        ("services", ".hidden_1"),
        ("projects", "shop-*_x"),
        ("operations", "C*"),
        ("enforcementPoints", "**"),
        ("paths", "services/*/devices/**"),
        ("paths", "services/web/labels/acme.example~x"),
        ("paths", "**/privileged"),
        ("paths", "include"),
        ("paths", "x-ours/**"),
    ],
)
def test_a_glob_that_may_match_has_none(field: str, glob: str) -> None:
    assert never_matching(field, glob) == ""


def test_each_glob_is_reported_at_its_place() -> None:
    selector = value("services: [web, a/b]\npaths: [services.web]\noperations: [CREATE, X*]\n")

    found = [
        problem
        for field, globs in selector.mapping().items()
        for problem in glob_problems(field, globs)
    ]

    assert [str(problem) for problem in found] == [
        f"policyset.yaml:1:17: services[1] is 'a/b', which never matches: {SERVICES}",
        f"policyset.yaml:2:9: paths[0] is 'services.web', which never matches: {PATHS}; write "
        "services/web",
        "policyset.yaml:3:22: operations[1] is 'X*', which never matches: the values are CHECK, "
        "CREATE, UPDATE, DELETE",
    ]


@cases(
    "selector",
    [
        "{repositories: ['**']}",
        "{repositories: ['*']}",
        "{repositories: ['*/*']}",
        "{repositories: ['*/**']}",
        "{repositories: ['**/*']}",
        "{repositories: ['**/**']}",
        "{repositories: ['***']}",
        "{repositories: [ml/train, '**']}",
        "{environments: ['*'], services: [web]}",
        "{hosts: ['**'], users: ['*'], groups: ['**']}",
        "{enforcementPoints: ['*']}",
        "{enforcementPoints: ['**i**', '*'], projects: [shop]}",
    ],
)
def test_a_selector_that_matches_everybody_identifies_nobody(selector: str) -> None:
    problem = identity_problem(value(selector))

    assert problem is not None
    assert "which identifies nobody: name the " in problem.message


@cases(
    "selector",
    [
        "{repositories: ['ml/**']}",
        "{repositories: ['**/train']}",
        "{repositories: ['**'], hosts: [gpu-01]}",
        "{enforcementPoints: [ci]}",
        "{users: [ada], services: ['**']}",
    ],
)
def test_a_selector_that_names_somebody_identifies(selector: str) -> None:
    assert identity_problem(value(selector)) is None


def test_a_selector_of_what_the_author_chooses_identifies_nobody() -> None:
    problem = identity_problem(value("{services: [web], projects: [shop]}"))

    assert str(problem) == (
        "policyset.yaml:1:1: the document must have at least one of the keys repositories, "
        "environments, hosts, users, groups, enforcementPoints: the author of a project chooses "
        "the names of the project and of its services"
    )


def warnings(spec: str) -> list[str]:
    return [str(warning) for warning in escape_warnings(value(spec))]


@cases("action", ["deny", "{default: warn, webhook: deny}"])
def test_a_constraint_that_denies_by_a_name_that_the_author_chooses_is_a_warning(
    action: str,
) -> None:
    found = warnings(f"enforcementAction: {action}\nmatch:\n  services: [web]\n  projects: [shop]")

    advice = "match repositories, environments, hosts, users, groups or enforcementPoints instead"
    assert found == [
        "policyset.yaml:3:13: warning: match.services can be evaded: the author of a project can "
        f"rename the service; {advice}",
        "policyset.yaml:4:13: warning: match.projects can be evaded: the author of a project can "
        f"rename the project; {advice}",
    ]


@cases(
    "spec",
    [
        "{enforcementAction: warn, match: {services: [web]}}",
        "{enforcementAction: {default: dryrun, ci: warn}, match: {projects: [web]}}",
        "{enforcementAction: deny, match: {services: ['**'], repositories: [ml/*]}}",
        "{enforcementAction: deny}",
    ],
)
def test_a_constraint_that_cannot_be_evaded_has_no_warning(spec: str) -> None:
    assert warnings(spec) == []


def test_globs_of_another_language_are_a_warning() -> None:
    found = warnings(
        "{enforcementAction: deny, match: {environments: ['{a,b}']}, exclude: {users: ['[ab]*']}}"
    )

    end = "is not special in globs and stands for itself; only * and ** are"
    assert found == [
        f"policyset.yaml:1:50: warning: match.environments[0] is '{{a,b}}': {{ {end}",
        f"policyset.yaml:1:79: warning: exclude.users[0] is '[ab]*': [ {end}",
    ]


@cases(
    ("path", "reason"),
    [
        ("services/*/priviledged", "no key priviledged there; did you mean privileged?"),
        ("services/web/deploy/resource/**", "no key resource there; did you mean resources?"),
        ("services/web/volumes/*/sourc", "no key sourc there; did you mean source?"),
        ("services/*/privileged", ""),
        ("services/**/sourc", ""),
        ("services/web/volumes/0/source", ""),
        ("services/web/environment/A", ""),
        ("services/*/dev*/x", ""),
        ("services/web/x-ours/a", ""),
        ("**", ""),
    ],
)
def test_a_path_with_an_unknown_key_is_a_warning(path: str, reason: str) -> None:
    found = [warning.message for warning in selector_warnings(value(f"{{paths: ['{path}']}}"))]

    assert found == ([f"paths[0] is '{path}': the effective model has {reason}"] if reason else [])
