"""Enabled services and jobs that do not fit together are named, with what is wrong."""

from __future__ import annotations

from typing import Any

from policyd.compose.phases.consistency import (
    Enabled,
    inconsistencies,
    shared_container_names,
)
from tests.support.cases import cases

WEB = {"image": "x"}


def _nowhere(_path: object) -> None:
    """Give no place to a path."""


def _no_base(_file: str) -> str:
    return "BASE"


def problems(model: dict[str, Any], disabled: tuple[str, ...] = ()) -> list[str]:
    enabled = Enabled(
        [name for name in model.get("services", {}) if name not in disabled],
        [name for name in model.get("jobs", {}) if name not in disabled],
    )
    return [error.message for error in inconsistencies(model, enabled, _nowhere, _no_base)]


def service(**keys: Any) -> dict[str, Any]:
    return {"services": {"web": {**WEB, **keys}, "db": {"image": "y"}}}


@cases(
    ("model", "message"),
    [
        (
            {"services": {"web": {}}},
            "service 'web' has neither an image nor a build nor a provider: add one of them",
        ),
        (
            service(build={"dockerfile": "a", "dockerfile_inline": "b"}),
            "service 'web' has both dockerfile and dockerfile_inline",
        ),
        (
            service(build={"additional_contexts": {"c": "service:no"}}),
            "service 'web' names the undefined service 'no' as build context 'c'",
        ),
        (
            service(build={"additional_contexts": {"c": "service:db"}}),
            "service 'web' names the service 'db' as build context 'c', and that service has no `build`",
        ),
        (
            service(build={"platforms": ["a"]}, platform="b"),
            "service 'web' has the platform 'b', which is not in build.platforms",
        ),
        (
            service(network_mode="host", networks={"n": None}) | {"networks": {"n": {}}},
            "service 'web' has both network_mode and networks",
        ),
        (
            service(network_mode="service:no"),
            "service 'web' has the network_mode 'service:no', and that service is undefined",
        ),
        (
            service(networks={"n": None}),
            "service 'web' refers to undefined network 'n': declare it below the top-level `networks:`",
        ),
        (
            service(volumes=[{"type": "volume", "source": "a/b", "target": "/d"}]),
            "service 'web' refers to undefined volume 'a/b': write `./a/b` for a path, or declare it below the top-level `volumes:`",
        ),
        (
            service(secrets=[{"source": "s"}]),
            "service 'web' refers to undefined secret 's': declare it below the top-level `secrets:`",
        ),
        (
            service(models={"m": {}}),
            "service 'web' refers to undefined model 'm': declare it below the top-level `models:`",
        ),
        (
            service(healthcheck={"test": ["curl"]}),
            "service 'web' has a healthcheck.test that does not start with CMD, CMD-SHELL or NONE",
        ),
        (
            service(depends_on={"no": {"required": False}}),
            "service 'web' depends on undefined service 'no'",
        ),
        (
            service(scale=2, container_name="c"),
            "service 'web' has a container_name and more than one replica",
        ),
        (
            service(cpus=1.0, deploy={"resources": {"limits": {"cpus": 2.0}}}),
            "service 'web' has a cpus that differs from deploy.resources.limits.cpus",
        ),
        (
            service(develop={"watch": [{"action": "sync"}]}),
            "service 'web' has a watch rule without `target`",
        ),
        (
            service(tmpfs=["/d"], volumes=[{"type": "bind", "target": "/d"}]),
            "service 'web' has two mounts on the target '/d'",
        ),
        ({"services": {}, "secrets": {"s": {}}}, "secret 's' needs `file` or `environment`"),
        (
            {"services": {"web": WEB}, "jobs": {"web": WEB}},
            "'web' is the name of a service and of a job: names must be unique",
        ),
        (
            {"services": {}, "jobs": {"seed": {"depends_on": {"no": {"required": False}}}}},
            "job 'seed' depends on undefined service or job 'no'",
        ),
    ],
)
def test_one_thing_is_wrong(model: dict[str, Any], message: str) -> None:
    assert problems(model) == [message]


def test_a_cycle_is_written_out() -> None:
    model = {
        "services": {
            "a": {**WEB, "depends_on": {"b": {}}},
            "b": {**WEB, "depends_on": {"c": {}}},
            "c": {**WEB, "depends_on": {"b": {}}},
        }
    }

    assert problems(model) == ["service 'b' depends on itself: b -> c -> b"]


def test_jobs_may_depend_on_themselves_and_on_each_other() -> None:
    jobs = {"a": {"depends_on": {"a": {}, "b": {}}}, "b": {"depends_on": {"a": {}}}}

    assert problems({"services": {}, "jobs": jobs}) == []


@cases(
    ("required", "found"),
    [(False, []), (True, ["job 'seed' depends on undefined service or job 'web'"])],
)
def test_only_a_disabled_service_may_be_optional(required: bool, found: list[str]) -> None:
    model = {
        "services": {"web": WEB},
        "jobs": {"seed": {"depends_on": {"web": {"required": required}}}, "other": {}},
    }

    assert problems(model, ("web",)) == found


def test_a_disabled_job_is_undefined_even_if_it_is_optional() -> None:
    model = {"services": {}, "jobs": {"seed": {"depends_on": {"b": {"required": False}}}, "b": {}}}

    assert problems(model, ("b",)) == ["job 'seed' depends on undefined service or job 'b'"]


def test_a_build_context_may_be_a_disabled_service() -> None:
    model = service(build={"additional_contexts": {"c": "service:db"}})
    model["services"]["db"]["build"] = {}

    assert problems(model, ("db",)) == []


def test_names_are_unique_even_if_they_are_disabled() -> None:
    model = {"services": {"web": WEB}, "jobs": {"web": WEB}}

    assert problems(model, ("web",)) == [
        "'web' is the name of a service and of a job: names must be unique"
    ]


def test_container_names_are_unique_among_enabled_services() -> None:
    model = {"services": {name: {"container_name": "c"} for name in ("a", "b", "d")}}

    found = shared_container_names(model, ["a", "d"], lambda _path: None)

    assert [error.message for error in found] == [
        "services 'a' and 'd' have the same container_name 'c'"
    ]
