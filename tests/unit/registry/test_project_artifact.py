"""`policyd check oci://…`, against a test registry; a real one is in integration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policyd.cli import main
from policyd.config import Registry, Settings
from policyd.errors import ComposeError, RegistryError
from policyd.registry.project_artifact import fetched
from tests.unit.conftest import RegistryServer

DENIED = "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def tagged(registry: RegistryServer, text: str) -> str:
    digest = registry.push({"compose.yaml": text})
    status, _, content = registry.answers[f"/v2/demo/simple/manifests/{digest}"]
    headers = {"Docker-Content-Digest": digest}
    registry.answers["/v2/demo/simple/manifests/1.0"] = (status, headers, content)
    return digest


def test_a_published_project_is_evaluated(
    registry: RegistryServer, run: Callable[..., Result]
) -> None:
    tagged(registry, DENIED)

    done = run("check", f"oci://{registry.host}/demo/simple:1.0", "--format", "json")

    assert done.exit_code == 1
    (decision,) = json.loads(done.stdout)["decisions"]
    (violation,) = decision["violations"]
    assert (violation["policy"], violation["location"]["line"]) == ("no-privileged", 4)


def test_a_digest_is_fetched_as_it_is(registry: RegistryServer) -> None:
    digest = tagged(registry, DENIED)

    bundle = fetched(f"oci://{registry.host}/demo/simple@{digest}", Settings())

    assert bundle.working_directory == f"/{digest.removeprefix('sha256:')}"
    assert registry.seen[0][0].endswith(digest)


def test_the_login_of_a_configured_registry_is_used(registry: RegistryServer) -> None:
    tagged(registry, DENIED)
    url = f"http://{registry.host}"
    settings = Settings(registries={"own": Registry(url=url, insecure=True, auth_hosts=("x",))})

    fetched(f"oci://{registry.host}/demo/simple:1.0", settings)

    assert registry.seen[0] == ("HEAD /v2/demo/simple/manifests/1.0", "")


def test_what_is_no_project_is_named(registry: RegistryServer, run: Callable[..., Result]) -> None:
    image = registry.push_image("demo/simple", {}, "2.0")
    assert image

    done = run("check", f"oci://{registry.host}/demo/simple:2.0")

    assert done.exit_code == 2
    assert "the artifact is not a Compose project" in done.stderr


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("oci://UPPER/../x", "it is not a valid image reference"),
        ("oci://127.0.0.1:1/demo/simple:1.0", "127.0.0.1:1 cannot be reached"),
    ],
)
def test_a_reference_that_cannot_be_fetched_is_an_error(reference: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        fetched(reference, Settings())


def test_an_artifact_without_its_env_files_is_refused(registry: RegistryServer) -> None:
    tagged(registry, f"services:\n  web:\n    image: nginx\n    env_file: {'a' * 64}.env\n")

    with pytest.raises(ComposeError, match="the artifact is incomplete"):
        fetched(f"oci://{registry.host}/demo/simple:1.0", Settings())
