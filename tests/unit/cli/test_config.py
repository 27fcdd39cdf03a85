from __future__ import annotations

import json


def test_the_effective_model_is_printed_as_compose_prints_it(run, folder) -> None:
    (folder / "compose.yaml").write_text(
        "name: shop\nservices:\n  web:\n    image: nginx:${TAG:-1}\n    command: echo $$HOME\n"
    )

    result = run("config")

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "name": "shop",
        "networks": {"default": {"ipam": {}, "name": "shop_default"}},
        "services": {
            "web": {
                "command": ["echo", "$$HOME"],
                "entrypoint": None,
                "image": "nginx:1",
                "networks": {"default": None},
            }
        },
    }


def test_services_of_a_profile_are_printed_when_it_is_on(run, folder) -> None:
    (folder / "compose.yaml").write_text(
        "services:\n  web:\n    image: a\n  debug:\n    image: b\n    profiles: [debug]\n"
    )

    plain = json.loads(run("config").stdout)
    with_profile = json.loads(run("config", "--profile", "debug").stdout)

    assert list(plain["services"]) == ["web"]
    assert sorted(with_profile["services"]) == ["debug", "web"]


def test_compose_s_flags_mean_what_they_mean_in_compose(run, folder) -> None:
    (folder / "sub").mkdir()
    (folder / "app.yaml").write_text("services:\n  web:\n    image: a:${TAG}\n    build: .\n")
    (folder / "prod.env").write_text("TAG=7\n")

    result = run(
        "config", "-f", "app.yaml", "-p", "mine", "--env-file", "prod.env",
        "--project-directory", "sub",
    )  # fmt: skip

    model = json.loads(result.stdout)
    assert model["name"] == "mine"
    assert model["services"]["web"]["image"] == "a:7"
    assert model["services"]["web"]["build"]["context"] == str(folder / "sub")


def test_standard_input_is_a_compose_file(run, folder) -> None:
    result = run("config", "-f", "-", stdin=b"services:\n  web:\n    image: a\n")

    assert json.loads(result.stdout)["services"]["web"]["image"] == "a"


def test_a_variable_without_a_value_is_warned_of_once(run, folder) -> None:
    (folder / "compose.yaml").write_text(
        "services:\n  web: &web\n    image: a:${TAG}$TAG\n  other: *web\n"
    )

    result = run("config")

    assert result.exit_code == 0
    assert result.stderr == (
        "policyd: warning: compose.yaml:3:12: the variable TAG has no value; it is blank here\n"
    )


def test_a_project_that_compose_would_refuse_is_one_line_and_exit_1(run, folder) -> None:
    (folder / "compose.yaml").write_text("services:\n  web:\n    image: a\n    gpus: many\n")

    result = run("config")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("policyd: error: compose.yaml:4:11: ")
    assert result.stderr.count("\n") == 1


def test_without_a_compose_file_it_is_exit_2(run, folder) -> None:
    result = run("config")

    assert result.exit_code == 2
    assert result.stderr.startswith(f"policyd: error: no Compose file in {folder}")


def test_the_review_format_is_what_policies_judge_with_every_profile_on(run, folder) -> None:
    (folder / "compose.yaml").write_text(
        "services:\n  web:\n    image: a\n  debug:\n    image: b\n    profiles: [debug]\n"
    )

    document = json.loads(run("config", "--format", "review").stdout)

    assert sorted(document) == [
        "constraints", "credentials", "notEvaluated", "project", "requestedProfiles", "review",
        "unresolved", "workloads",
    ]  # fmt: skip
    assert sorted(work["name"] for work in document["workloads"]) == ["debug", "web"]
    assert document["review"]["operation"] == "CHECK"
    assert document["constraints"]["no-privileged"] == [{"name": "no-privileged", "parameters": {}}]


def test_the_project_in_a_folder_is_printed(run, folder) -> None:
    (folder / "app").mkdir()
    (folder / "app/compose.yaml").write_text("services: {web: {image: nginx}}\n")

    result = run("config", "app")

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["name"] == "app"


def test_a_folder_without_a_project_is_not_that_of_its_parent(run, folder) -> None:
    (folder / "app").mkdir()
    (folder / "compose.yaml").write_text("services: {web: {image: nginx}}\n")

    result = run("config", "app")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "policyd: error: app: no Compose file in this folder\n"


def test_a_project_in_a_registry_is_not_printed(run) -> None:
    result = run("config", "oci://registry.example/app:1")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "\nError: oci://registry.example/app:1: only `policyd check` reads projects in registries\n"
    )
