"""Credentials in the files of real projects: through the loader, from a file's text."""

from __future__ import annotations

from policyd.bundle import memory_bundle
from policyd.loading import load_project
from policyd.workloads.credential_search import Credential

APP = ("services", "app")
KEY = "-----BEGIN " + "PRIVATE KEY-----"


def search(text: str, files: dict[str, str] | None = None, **environment: str) -> list[Credential]:
    contents = {"compose.yaml": text.encode()}
    contents |= {name: content.encode() for name, content in (files or {}).items()}
    bundle = memory_bundle(contents, environment=environment, profiles=["*"])
    return list(load_project(bundle).credentials)


def app(keys: str, files: dict[str, str] | None = None, **environment: str) -> list[Credential]:
    """Return the credentials of a service `app` whose keys are `keys`."""
    indented = "".join(f"    {line}\n" for line in keys.strip("\n").split("\n"))
    return search(f"services:\n  app:\n    image: x\n{indented}", files, **environment)


def places(found: list[Credential]) -> list[tuple[str, str, tuple[str | int, ...]]]:
    """Return kind, name and path below the service of each."""
    return [(one.kind, one.name, one.path[2:]) for one in found]


def test_credential_has_its_place_and_no_value() -> None:
    assert app("environment: {DB_PASSWORD: geheim}") == [
        Credential(
            kind="name",
            form="",
            place="environment",
            name="DB_PASSWORD",
            service="app",
            title="service app",
            origin="compose-file",
            path=(*APP, "environment", "DB_PASSWORD"),
        )
    ]


def test_every_place_of_a_service_is_searched() -> None:
    found = app(f"""
environment: ["A_TOKEN=geheim"]
labels: {{a.password: geheim}}
annotations: {{b.secret: geheim}}
logging: {{driver: splunk, options: {{splunk-token: geheim}}}}
command: [serve, --api-key, geheim]
entrypoint: run --password=geheim
healthcheck: {{test: [CMD, mysqladmin, ping, -pgeheim]}}
build:
  context: https://app:geheim@git.example/app.git
  args: {{NPM_TOKEN: geheim}}
  labels: {{c.secret: geheim}}
  additional_contexts: {{x: "https://app:geheim@git.example/x.git"}}
  dockerfile_inline: "RUN echo '{KEY}'"
post_start: [{{command: [x, --token=geheim], environment: {{P_TOKEN: geheim}}}}]
pre_stop: [{{command: [x, --token=geheim]}}]
""")

    assert places(found) == [
        ("name", "A_TOKEN", ("environment", "A_TOKEN")),
        ("name", "a.password", ("labels", "a.password")),
        ("name", "b.secret", ("annotations", "b.secret")),
        ("name", "api-key", ("command", 2)),
        ("name", "password", ("entrypoint", 1)),
        ("name", "splunk-token", ("logging", "options", "splunk-token")),
        ("name", "password", ("healthcheck", "test", 3)),
        ("name", "NPM_TOKEN", ("build", "args", "NPM_TOKEN")),
        ("name", "c.secret", ("build", "labels", "c.secret")),
        ("url", "x", ("build", "additional_contexts", "x")),
        ("url", "", ("build", "context")),
        ("private-key", "", ("build", "dockerfile_inline")),
        ("name", "P_TOKEN", ("post_start", 0, "environment", "P_TOKEN")),
        ("name", "token", ("post_start", 0, "command", 1)),
        ("name", "token", ("pre_stop", 0, "command", 1)),
    ]


def test_resources_and_jobs_are_searched() -> None:
    found = search(f"""
services:
  app:
    image: x
    configs: [key]
    volumes: ["share:/share"]
    networks: [net]
jobs:
  nightly: {{image: x, environment: {{A_TOKEN: geheim}}, triggers: {{manual: true}}}}
configs:
  key: {{content: "{KEY}"}}
volumes:
  share: {{driver_opts: {{type: cifs, o: "username=u,password=geheim", device: "//nas/x"}}}}
networks:
  net: {{driver_opts: {{auth-token: geheim}}}}
""")

    assert [(one.title, one.name, one.path) for one in found] == [
        ("job nightly", "A_TOKEN", ("jobs", "nightly", "environment", "A_TOKEN")),
        ("the project", "", ("configs", "key", "content")),
        ("the project", "password", ("volumes", "share", "driver_opts", "o")),
        ("the project", "auth-token", ("networks", "net", "driver_opts", "auth-token")),
    ]


def test_value_from_the_environment_is_not_in_a_file() -> None:
    found = app(
        """
environment:
  A_PASSWORD: ${A_PASSWORD}
  B_PASSWORD:
  C_PASSWORD: prefix-${A_PASSWORD}
build: {context: ., args: [D_TOKEN]}
command: [serve, --token, "${A_PASSWORD}"]
""",
        A_PASSWORD="geheim",
        B_PASSWORD="geheim",
        D_TOKEN="geheim",
    )

    assert found == []


def test_value_from_dotenv_is_not_reported_and_the_same_text_in_the_file_is() -> None:
    files = {".env": "PASSWORD=geheim\n"}

    assert app("environment: {A_PASSWORD: '${PASSWORD}'}", files) == []
    assert places(app("environment: {A_PASSWORD: geheim}", files)) == [
        ("name", "A_PASSWORD", ("environment", "A_PASSWORD"))
    ]


def test_default_and_doubled_dollar_are_in_the_file() -> None:
    found = app("""
environment:
  A_PASSWORD: ${A_PASSWORD:-geheim}
  B_PASSWORD: ge$$heim
  C_PASSWORD: 123456
""")

    assert [one.name for one in found] == ["A_PASSWORD", "B_PASSWORD", "C_PASSWORD"]


def test_environment_file_is_an_origin_of_its_own() -> None:
    [found] = app("env_file: app.env", {"app.env": "X=1\nA_PASSWORD=geheim\n"})

    assert (found.origin, found.path) == ("environment-file", (*APP, "environment", "A_PASSWORD"))


def test_hook_does_not_repeat_what_it_inherits() -> None:
    found = app("""
environment: {A_PASSWORD: geheim}
pre_start: [{image: x, command: [x], environment: {B_PASSWORD: geheim}}]
""")

    assert [(one.title, one.name, one.path[2:]) for one in found] == [
        ("service app", "A_PASSWORD", ("environment", "A_PASSWORD")),
        (
            "hook 0 of service app",
            "B_PASSWORD",
            ("pre_start", 0, "environment", "B_PASSWORD"),
        ),
    ]
