from __future__ import annotations

from typing import Any

import msgspec
import pytest

from policyd.errors import Forbidden
from policyd.identity.job import Job, job_of, source_of
from policyd.issuer_settings import Issuer
from policyd.model import Source, UserInfo
from tests.support.cases import cases
from tests.support.issuing import AUDIENCE, github, gitlab

FORGE = Issuer(
    issuer="https://forge.example", audience=AUDIENCE, kind="github", repositories=("acme/**",)
)
LAB = msgspec.structs.replace(FORGE, kind="gitlab")
MAIN = Source("acme/train", "refs/heads/main", "a" * 40, "", "gpu-01")


def github_job(settings: Issuer = FORGE, **claims: Any) -> Job:
    return job_of("forge", settings, {**github("https://forge.example"), **claims})


def gitlab_job(**claims: Any) -> Job:
    return job_of("lab", LAB, {**gitlab("https://forge.example"), **claims})


def test_a_job_of_github_is_what_its_claims_state() -> None:
    job = github_job(environment="prod", exp=2_000_000_000, jti="x")

    assert job == Job(
        issuer="forge",
        token_id="x",
        expires=2_000_000_000,
        repository="acme/train",
        repository_id="42",
        owner_id="7",
        ref="refs/heads/main",
        commit="a" * 40,
        environment="prod",
        user=UserInfo("forge:octocat", ("forge:id:583231",)),
        obstacle="",
        subject="repo:acme@7/train@42:ref:refs/heads/main",
    )


def test_a_job_of_gitlab_is_what_its_claims_state() -> None:
    job = gitlab_job(environment="prod", exp=2_000_000_000, jti="x")

    assert job == Job(
        issuer="lab",
        token_id="x",
        expires=2_000_000_000,
        repository="acme/ml/train",
        repository_id="42",
        owner_id="7",
        ref="refs/heads/main",
        commit="b" * 40,
        environment="prod",
        user=UserInfo("lab:ada", ("lab:id:5",)),
        obstacle="",
        subject="project_path:acme/ml/train:ref_type:branch:ref:main",
    )


def test_a_generic_issuer_says_which_claims_to_read() -> None:
    settings = msgspec.structs.replace(
        FORGE,
        kind="generic",
        prefix="buildkite/",
        bound_claims={"organization_slug": "acme"},
        claims={"repository": "pipeline_slug", "commit": "build_commit", "protected": "main"},
    )
    claims = {
        "jti": "x",
        "exp": 9,
        "organization_slug": "acme",
        "pipeline_slug": "acme/train",
        "build_commit": "c0ffee",
    }

    job = job_of("ci", settings, claims)

    assert (job.repository, job.commit, job.ref, job.user) == (
        "buildkite/acme/train", "c0ffee", "", UserInfo(),
    )  # fmt: skip
    assert job.obstacle == "its token does not state that its ref is protected"
    assert job_of("ci", settings, {**claims, "main": True}).obstacle == ""
    with pytest.raises(Forbidden):
        job_of("ci", settings, {**claims, "organization_slug": "acme-evil"})


@cases(
    ("claims", "obstacle"),
    [
        ({"event_name": "pull_request"}, "it was started by the event 'pull_request'"),
        (
            {"event_name": "pull_request_target"},
            "it was started by the event 'pull_request_target'",
        ),
        ({"event_name": "issue_comment"}, "it was started by the event 'issue_comment'"),
        ({"event_name": "workflow_run"}, "it was started by the event 'workflow_run'"),
        ({"event_name": ""}, "it was started by the event ''"),
        (
            {"ref_protected": "false"},
            "it runs neither for a protected branch or tag nor in an environment",
        ),
        ({"ref_protected": "false", "environment": "prod"}, ""),
        ({"event_name": "merge_group"}, ""),
    ],
)
def test_only_merged_code_on_github_may_grant(claims: dict[str, str], obstacle: str) -> None:
    assert github_job(**claims).obstacle == obstacle


@cases(
    ("claims", "obstacle"),
    [
        ({"job_project_id": "43"}, "it runs a pipeline of a fork"),
        (
            {"pipeline_source": "merge_request_event"},
            "its pipeline was started by 'merge_request_event'",
        ),
        (
            {"pipeline_source": "external_pull_request_event"},
            "its pipeline was started by 'external_pull_request_event'",
        ),
        ({"pipeline_source": ""}, "its pipeline was started by ''"),
        (
            {"ref_protected": "false"},
            "it runs neither for a protected branch or tag nor in a protected environment",
        ),
        (
            {"ref_protected": "false", "environment": "prod", "environment_protected": "false"},
            "it runs neither for a protected branch or tag nor in a protected environment",
        ),
        ({"ref_protected": "false", "environment_protected": "true"}, ""),
    ],
)
def test_only_merged_code_on_gitlab_may_grant(claims: dict[str, str], obstacle: str) -> None:
    assert gitlab_job(**claims).obstacle == obstacle


@cases("repository", ["acme-evil/train", "evil/acme/train", "acme", "evil/train", "ACME-evil/x"])
def test_another_repository_may_not_ask(repository: str) -> None:
    with pytest.raises(Forbidden) as error:
        github_job(repository=repository)

    assert str(error.value) == f"the issuer forge is not valid for the repository {repository!r}"


def test_the_case_of_a_repository_does_not_count() -> None:
    assert github_job(repository="Acme/Train").repository == "Acme/Train"


def test_the_owner_is_compared_by_its_id() -> None:
    settings = msgspec.structs.replace(FORGE, owner_ids=("7",))

    assert github_job(settings).owner_id == "7"
    with pytest.raises(Forbidden) as error:
        github_job(settings, repository_owner_id="8")
    assert str(error.value) == (
        "the owner of the repository has the id '8', which is not one of the owner_ids of the "
        "issuer forge"
    )


@cases("value", ["self-hosted", "github-hosted ", "", None, 1])
def test_a_bound_claim_has_exactly_its_text(value: object) -> None:
    settings = msgspec.structs.replace(FORGE, bound_claims={"runner_environment": "github-hosted"})

    assert github_job(settings).obstacle == ""
    with pytest.raises(Forbidden) as error:
        github_job(settings, runner_environment=value)
    assert str(error.value) == (
        "the claim runner_environment of the token is not the one that the issuer forge requires"
    )


def test_a_request_is_completed_by_the_token() -> None:
    assert source_of(github_job(), Source(host="gpu-01"), "CREATE") == MAIN
    assert source_of(github_job(), MAIN, "CREATE") == MAIN
    short = msgspec.structs.replace(MAIN, repository="ACME/train", ref="main")
    assert source_of(github_job(), short, "CREATE") == MAIN


@cases(
    ("given", "message"),
    [
        (
            Source(repository="acme/other"),
            "source.repository is 'acme/other', but the token of the job states 'acme/train'",
        ),
        (
            Source(ref="refs/heads/dev"),
            "source.ref is 'refs/heads/dev', but the token of the job states 'refs/heads/main'",
        ),
        (
            Source(ref="refs/tags/main"),
            "source.ref is 'refs/tags/main', but the token of the job states 'refs/heads/main'",
        ),
        (
            Source(commit="b" * 40),
            f"source.commit is {'b' * 40!r}, but the token of the job states {'a' * 40!r}",
        ),
        (
            Source(environment="prod"),
            "source.environment is 'prod', which the token of the job does not state: a job may "
            "state it itself only with the operation CHECK",
        ),
    ],
)
def test_a_request_that_claims_to_be_another_job_is_refused(given: Source, message: str) -> None:
    with pytest.raises(Forbidden) as error:
        source_of(github_job(), given, "CREATE")

    assert str(error.value) == message


def test_a_check_may_ask_about_an_environment() -> None:
    assert source_of(github_job(), Source(environment="prod"), "CHECK").environment == "prod"
    with pytest.raises(Forbidden):
        source_of(github_job(environment="dev"), Source(environment="prod"), "CHECK")


@cases("operation", ["CREATE", "UPDATE", "DELETE"])
def test_a_pull_request_may_only_check(operation: Any) -> None:
    job = github_job(event_name="pull_request", ref="refs/pull/7/merge")

    assert source_of(job, Source(), "CHECK").ref == "refs/pull/7/merge"
    with pytest.raises(Forbidden) as error:
        source_of(job, Source(), operation)
    assert str(error.value) == (
        "this job may only request the operation CHECK: it was started by the event 'pull_request'"
    )
