from __future__ import annotations

import subprocess
import sys

import pytest

from policyd.bootstrap import build, deferred_decisions, image_reader
from policyd.bundle import memory_bundle
from policyd.config import ImageRegistry, Settings
from policyd.errors import AuditError, ConfigError, PolicySetError
from policyd.model import InspectedImage, Location, NotEvaluated, Review
from tests.support.cases import cases
from tests.unit.audit.conftest import pair

REVIEW = Review(uid="u-1", enforcement_point="cli", now=0, operation="CREATE")


@pytest.fixture
def services(tmp_path):
    built = build(Settings(audit=str(tmp_path / "audit.db")))
    yield built
    built.close()


@pytest.fixture
def bundle():
    return memory_bundle({"compose.yaml": b"services:\n  web:\n    image: nginx\n"})


def test_the_policy_set_is_the_one_that_settings_name(tmp_path, bundle):
    file = tmp_path / "policyset.yaml"
    file.write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: mine}\nspec: {packs: [gpu]}\n"
    )
    services = build(Settings(policy_set=str(file)))
    try:
        assert services.policy_set.name == "mine"
        assert services.decide(bundle, REVIEW).policy_set.name == "mine"
    finally:
        services.close()


def test_settings_that_cannot_be_carried_out_are_errors(tmp_path):
    with pytest.raises(PolicySetError, match="cannot be read"):
        build(Settings(policy_set=str(tmp_path / "gone.yaml")))
    with pytest.raises(AuditError, match="Is a directory"):
        build(Settings(audit=str(tmp_path)))


def test_the_time_of_a_review_is_limited_by_its_setting(tmp_path):
    services = build(Settings(review_timeout=7))

    assert services.rules.admissions()[0].engine._deadline == 7


@cases(
    ("settings", "message"),
    [
        ({"engine": "opa"}, 'engine is "opa": set engine_url to the URL of the OPA server'),
        (
            {"engine_url": "http://127.0.0.1:8181"},
            'engine_url is set, but engine is "embedded": set engine to "opa"',
        ),
        (
            {"engine": "opa", "engine_url": "https://opa", "engine_ca_file": "/gone.pem"},
            "engine_ca_file: /gone.pem does not exist",
        ),
        (
            {"engine": "opa", "engine_url": "opa:8181"},
            "engine_url: expected http(s)://HOST[:PORT], found 'opa:8181'",
        ),
    ],
)
def test_an_engine_that_cannot_be_asked_is_an_error(settings, message):
    with pytest.raises(ConfigError) as caught:
        build(Settings(**settings))

    assert str(caught.value) == message


def test_an_opa_server_that_is_not_there_is_a_denial(bundle):
    services = build(Settings(engine="opa", engine_url="http://127.0.0.1:9"))

    decision = services.decide(bundle, REVIEW)

    assert (decision.allowed, decision.engine, decision.status.code) == (False, "opa", 500)
    assert decision.status.message == "OPA at http://127.0.0.1:9: no connection"
    services.close()


@pytest.mark.thorough
def test_without_a_log_no_database_is_imported():
    program = (
        "import sys; from policyd.config import Settings; from policyd.bootstrap import build\n"
        "build(Settings()).close()\n"
        "print(sorted({'sqlalchemy', 'alembic', 'flask', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_images_are_not_read_unless_the_settings_ask_for_it(tmp_path):
    hub = ImageRegistry(host="hub.example", url="https://hub.example")

    assert image_reader(Settings()) is None
    assert image_reader(Settings(image_registries={"hub": hub})) is None
    assert image_reader(Settings(images="inspect", image_registries={"hub": hub}))


def test_reading_images_needs_a_registry_and_its_password(tmp_path):
    with pytest.raises(ConfigError) as caught:
        image_reader(Settings(images="inspect"))
    assert str(caught.value) == (
        'images = "inspect" needs the registries that may be read: add [image_registries.NAME] '
        "with their host to the settings file"
    )

    gone = str(tmp_path / "gone")
    hub = ImageRegistry(host="h.example", url="https://h", username="ci", password_file=gone)
    with pytest.raises(ConfigError) as caught:
        image_reader(Settings(images="inspect", image_registries={"hub": hub}))
    assert str(caught.value) == (
        f"image_registries.hub.password_file: cannot read {gone}: No such file or directory"
    )


def test_a_decision_names_the_images_that_were_read_and_those_that_were_not(registry):
    config = {"os": "linux", "architecture": "amd64"}
    config |= {"config": {"Env": ["NVIDIA_VISIBLE_DEVICES=all"]}}
    digest = registry.push_image("a/b", config, "1")
    hub = ImageRegistry(host="hub.example", url=f"http://{registry.host}", insecure=True)
    services = build(Settings(images="inspect", image_registries={"hub": hub}))
    compose = (
        b"services:\n  a:\n    image: hub.example/a/b:1\n  b:\n    image: hub.example/gone:1\n"
        b"  c: {image: nginx}\n"
    )

    decision = services.decide(memory_bundle({"compose.yaml": compose}), REVIEW)
    services.close()

    assert decision.images == (InspectedImage("hub.example/a/b:1", "linux/amd64", digest),)
    assert [grant.method for grant in decision.grants] == ["image"]
    reason = "its configuration was not read: the registry "
    assert decision.not_evaluated == (
        NotEvaluated(
            "image",
            "hub.example/gone:1",
            f"{reason}hub.example does not have it",
            Location("compose.yaml", 5, 12),
        ),
        NotEvaluated(
            "image",
            "nginx",
            f"{reason}docker.io is not in image_registries",
            Location("compose.yaml", 6, 14),
        ),
    )


def test_a_policy_can_demand_that_every_image_is_known(registry, tmp_path):
    registry.push_image("a", {"os": "linux", "architecture": "amd64"}, "1")
    hub = ImageRegistry(host="hub.example", url=f"http://{registry.host}", insecure=True)
    file = tmp_path / "policyset.yaml"
    file.write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: mine}\n"
        "spec: {packs: [governance]}\n---\n"
        "apiVersion: policyd/v1\nkind: Constraint\nmetadata: {name: known}\n"
        "spec: {policy: require-image-config, enforcementAction: deny}\n"
    )
    services = build(
        Settings(images="inspect", image_registries={"hub": hub}, policy_set=str(file))
    )
    compose = "services:\n  a: {{image: 'hub.example/a:1'}}\n  b: {{image: 'hub.example/{}'}}\n"
    known = memory_bundle({"compose.yaml": compose.format("a").encode()})
    unknown = memory_bundle({"compose.yaml": compose.format("gone:1").encode()})
    registry.answers["/v2/a/manifests/latest"] = registry.answers["/v2/a/manifests/1"]

    assert services.decide(known, REVIEW).allowed
    denied = services.decide(unknown, REVIEW)
    services.close()

    assert [(one.policy, one.message) for one in denied.violations] == [
        (
            "require-image-config",
            "the configuration of the image hub.example/gone:1 of service b is not known: its "
            "configuration was not read: the registry hub.example does not have it",
        )
    ]


def test_decisions_are_deferred_beside_the_log_or_in_the_folder_that_settings_name(tmp_path):
    ignoring = {"failure_policies": {"ci": "Ignore"}}
    beside = Settings(audit=str(tmp_path / "audit.db"), **ignoring)
    named = Settings(
        audit="postgresql://db.example/audit", deferred_folder=str(tmp_path / "named"), **ignoring
    )

    for settings, folder in ((beside, "audit.db.deferred"), (named, "named")):
        deferred = deferred_decisions(settings)
        deferred.put(*pair("d1"))
        assert [file.suffix for file in (tmp_path / folder).iterdir()] == [".json"]


def test_without_a_folder_no_failure_can_be_ignored():
    database = "postgresql://db.example/audit"

    assert deferred_decisions(Settings(audit=database)) is None
    with pytest.raises(ConfigError, match="set deferred_folder to a folder on this machine"):
        deferred_decisions(Settings(audit=database, failure_policies={"ci": "Ignore"}))
