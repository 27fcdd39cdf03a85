"""A model is printed as docker compose does: without empty values, dollars doubled."""

from __future__ import annotations

from typing import Any

from policyd.compose.phases.printing import print_project, unprintable
from policyd.compose.table.fields import PROJECT
from tests.support.cases import cases


def printed(model: dict[str, Any]) -> Any:
    return print_project("shop", {"services": {}, **model}, PROJECT)


def test_empty_values_are_omitted_and_commands_always_printed() -> None:
    service = {"image": "x", "privileged": False, "cap_add": [], "scale": 0, "attach": False}

    assert printed({"services": {"web": service}}) == {
        "name": "shop",
        "services": {
            "web": {
                "image": "x",
                "scale": 0,
                "attach": False,
                "command": None,
                "entrypoint": None,
            }
        },
    }


def test_dollars_are_doubled_in_values_and_in_keys() -> None:
    found = printed({"services": {"web": {"labels": {"$a": "b$"}}}, "x-$c": ["$d"]})

    assert found["services"]["web"]["labels"] == {"$$a": "b$$"}
    assert found["x-$$c"] == ["$$d"]


def test_a_job_prints_its_env_files_and_a_service_does_not() -> None:
    container = {"env_file": [{"path": "/a", "required": True}, {"path": "/b", "required": False}]}

    found = printed({"services": {"web": container}, "jobs": {"seed": container}})

    assert "env_file" not in found["services"]["web"]
    assert found["jobs"]["seed"]["env_file"] == [{"path": "/a"}, {"path": "/b", "required": False}]


@cases(
    ("triggers", "expected"),
    [
        ({"manual": False}, {"manual": False}),
        ({"schedule": []}, {}),
        ({"schedule": [{"cron": "x"}]}, {"schedule": [{"cron": "x"}]}),
        ({"schedule": [{"cron": ""}]}, {"schedule": [{}]}),
    ],
)
def test_triggers(triggers: Any, expected: Any) -> None:
    assert (
        printed({"jobs": {"seed": {"triggers": triggers}}})["jobs"]["seed"]["triggers"] == expected
    )


def test_a_bind_of_a_hook_prints_that_it_creates_no_path() -> None:
    hooks = [{"volumes": [{"type": "bind", "bind": {"selinux": "z"}}]}]
    service = {
        "pre_start": hooks,
        "volumes": [{"type": "bind", "bind": {"create_host_path": True}}],
    }

    found = printed({"services": {"web": service}})["services"]["web"]

    assert found["pre_start"][0]["volumes"][0]["bind"] == {
        "selinux": "z",
        "create_host_path": False,
    }
    assert found["volumes"][0]["bind"] == {}


def test_an_ssh_key_with_a_path_is_unprintable() -> None:
    model = {"jobs": {"a": {"build": {"ssh": {"default": None, "key": "/id"}}}}}

    assert unprintable(model) == ("jobs", "a", "build", "ssh", "key")
    assert unprintable({"services": {"a": {"build": {"ssh": {"default": None}}}}}) is None


def test_an_env_file_of_a_job_without_anything_is_not_required() -> None:
    found = printed({"jobs": {"seed": {"env_file": [{}]}}})

    assert found["jobs"]["seed"]["env_file"] == [{"required": False}]
