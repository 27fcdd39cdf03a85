"""Images in a real registry, read by `policyd serve` and by `policyd check`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

pytestmark = [pytest.mark.integration, pytest.mark.slow]

AMD = {"os": "linux", "architecture": "amd64"}
GPUS = {"config": {"Env": ["NVIDIA_VISIBLE_DEVICES=all"], "User": "app"}}
UNREAD = "its configuration was not read: "
NO_HOOK = "http://127.0.0.1:9/"


@pytest.fixture
def review(start_webhook) -> Callable[..., dict[str, Any]]:
    """A function that returns the decision of a webhook on services of these images."""
    webhooks: dict[str, Any] = {}

    def ask(registry, *images: str, **settings: Any) -> dict[str, Any]:
        key = json.dumps(settings, sort_keys=True)
        if key not in webhooks:
            hub = {"host": registry.host, "url": registry.url, "insecure": True, **settings}
            webhooks[key] = start_webhook(
                workers=1, images="inspect", image_registries={"hub": hub}
            )
        services = "".join(f"  s{number}: {image}\n" for number, image in enumerate(images))
        answer = requests.post(
            f"{webhooks[key].url}/v1/review",
            data=f"services:\n{services}",
            headers={"Content-Type": "application/yaml"},
            timeout=60,
        )
        decision: dict[str, Any] = answer.json()["response"]
        return decision

    return ask


def reasons(decision: dict[str, Any]) -> list[str]:
    assert all(one["reason"].startswith(UNREAD) for one in decision["notEvaluated"])
    return [one["reason"].removeprefix(UNREAD) for one in decision["notEvaluated"]]


def test_images_are_read_by_tag_and_by_digest(start_registry, review):
    registry = start_registry(NO_HOOK)
    digest = registry.push_image("acme/web", AMD | GPUS)
    name = f"{registry.host}/acme/web"

    decision = review(registry, f"{{image: '{name}:1.0'}}", f"{{image: '{name}:other@{digest}'}}")

    assert decision["images"] == [
        {"image": f"{name}:1.0", "platform": "linux/amd64", "digest": digest},
        {"image": f"{name}:other@{digest}", "platform": "linux/amd64", "digest": digest},
    ]
    assert decision["notEvaluated"] == []
    assert [(one["service"], one["method"]) for one in decision["grants"]] == [
        ("s0", "image"),
        ("s1", "image"),
    ]


def test_an_image_in_the_cache_is_not_requested_again_but_its_tag_is(start_registry, review, until):
    registry = start_registry(NO_HOOK)
    digest = registry.push_image("acme/web", AMD | GPUS)
    name = f"{registry.host}/acme/web"
    head = "HEAD /v2/acme/web/manifests/1.0"

    first = review(registry, f"{{image: '{name}:1.0'}}")
    until(lambda: len(registry.requests()) == 3)
    assert registry.requests()[:2] == [head, f"GET /v2/acme/web/manifests/{digest}"]

    assert review(registry, f"{{image: '{name}@{digest}'}}")["images"][0]["digest"] == digest
    assert review(registry, f"{{image: '{name}:1.0'}}")["images"] == first["images"]
    until(lambda: len(registry.requests()) > 3)
    assert registry.requests()[3:] == [head]


def test_an_index_is_read_for_the_platform_of_the_service(start_registry, review):
    registry = start_registry(NO_HOOK)
    amd = registry.push_image("acme/multi", AMD | GPUS, "amd")
    arm = registry.push_image("acme/multi", {"os": "linux", "architecture": "arm64"}, "arm")
    index = registry.push_index("acme/multi", {"linux/arm64": arm, "linux/amd64": amd})
    name = f"{registry.host}/acme/multi:1.0"

    decision = review(
        registry,
        f"{{image: '{name}'}}",
        f"{{image: '{name}', platform: linux/arm64}}",
        f"{{image: '{name}', platform: linux/s390x}}",
    )

    assert decision["images"] == [
        {"image": name, "platform": "linux/amd64", "digest": index},
        {"image": name, "platform": "linux/arm64", "digest": index},
    ]
    assert [one["service"] for one in decision["grants"]] == ["s0"]
    assert reasons(decision) == [
        "the image is not available for linux/s390x; it has linux/amd64, linux/arm64"
    ]


def test_what_cannot_be_read_is_reported_and_not_guessed(start_registry, review):
    registry = start_registry(NO_HOOK)
    artifact = {
        "mediaType": "application/vnd.cncf.helm.config.v1+json",
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
    }
    registry.push_image("acme/chart", {}, config=artifact)

    decision = review(
        registry,
        f"{{image: '{registry.host}/acme/gone:1.0'}}",
        f"{{image: '{registry.host}/acme/chart:1.0'}}",
        "{image: ubuntu}",
    )

    assert reasons(decision) == [
        "it is not an image: application/vnd.cncf.helm.config.v1+json is not the media type of a "
        "configuration",
        f"the registry {registry.host} does not have it",
        "the registry docker.io is not in image_registries",
    ]
    assert decision["images"] == []


def test_a_registry_with_a_login_is_read_with_it(start_registry, review, tmp_path):
    registry = start_registry(NO_HOOK, login=True)
    registry.push_image("acme/web", AMD | GPUS)
    image = f"{{image: '{registry.host}/acme/web:1.0'}}"
    (tmp_path / "right").write_text("pa55\n")
    (tmp_path / "wrong").write_text("wr0ng\n")

    right = review(registry, image, username="ci", password_file=str(tmp_path / "right"))
    wrong = review(registry, image, username="ci", password_file=str(tmp_path / "wrong"))

    assert [one["platform"] for one in right["images"]] == ["linux/amd64"]
    assert reasons(wrong) == [
        f"the registry {registry.host} does not allow its configured user to read it"
    ]


def test_check_reads_images_only_when_it_is_told_to(start_registry, until, tmp_path: Path):
    registry = start_registry(NO_HOOK)
    registry.push_image("acme/base", AMD | GPUS)
    (tmp_path / "compose.yaml").write_text("services:\n  web: {build: .}\n")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {registry.host}/acme/base:1.0\nENV AMD_VISIBLE_DEVICES=$NVIDIA_VISIBLE_DEVICES\n"
    )
    (tmp_path / "policyd.toml").write_text(
        f'[image_registries.hub]\nhost = "{registry.host}"\nurl = "{registry.url}"\n'
        "insecure = true\n"
    )

    def check(*flags: str) -> list[tuple[str, str]]:
        command = [sys.executable, "-m", "policyd", "check", "--config", "policyd.toml"]
        done = subprocess.run(
            [*command, "--format", "json", *flags],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        [decision] = json.loads(done.stdout)["decisions"]
        return [(one["vendor"], one["method"]) for one in decision["grants"]]

    assert check("--images", "inspect") == [("amd", "environment"), ("nvidia", "image")]
    until(lambda: len(registry.requests()) == 3)
    assert check() == []
    assert len(registry.requests()) == 3
