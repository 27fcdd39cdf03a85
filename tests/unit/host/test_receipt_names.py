"""Exceptions by names apply to the containers that a receipt covers exactly, and to no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from policyd.audit.event import event_of, rfc3339
from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.decision_cache import DecisionCache
from policyd.host.device_numbers import DeviceNumbers
from policyd.host.engine_client import EngineClient
from policyd.host.existing import Existing
from policyd.host.gate import Gate
from policyd.host.grant_check import GrantCheck
from policyd.host.granted import Receipts
from policyd.host.own_rules import OwnRules
from policyd.host.runtime_gate import RuntimeGate
from policyd.host.slots import Slots
from policyd.host_settings import HostSettings
from policyd.model import Decision, PolicySetRevision, Review, Source
from policyd.policies.packs import built_in
from policyd.receipts.coverage import admitted
from policyd.services import Services
from tests.support.cases import cases
from tests.support.daemon_requests import envelope
from tests.support.engine_stand_in import EngineStandIn
from tests.support.oci_configs import ID, allow, bind, device, encoded, write_state
from tests.support.receipts import HOUR, KEY, OTHER_KEY, receipt

NOW: Final = 1_800_000_000_000_000_000
HOST: Final = HostSettings(name="gpu-01", environment="prod")
CREATE: Final = "/v1.41/containers/create"
POLICIES: Final = """
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: no-sensitive-host-paths}
spec:
  policy: no-sensitive-host-paths
  enforcementAction: deny
  parameters: {folders: [/home/alice]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: no-root-user}
spec: {policy: no-root-user, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: trainer}
spec:
  policies: [no-privileged, no-host-system-mounts, no-sensitive-host-paths, no-root-user]
  match: {repositories: [ml/train], services: [train, helper]}
  expires: 2099-01-01T00:00:00Z
  owner: ml
  reason: it tunes the kernel
  approvedBy: security
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: ended}
spec:
  policies: [no-host-proc-sys-mounts]
  match: {repositories: [ml/train], projects: [train], services: [train]}
  expires: 2027-01-01T00:00:00Z
  owner: ml
  reason: it ended
  approvedBy: security
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: night}
spec:
  breakGlass: true
  match: {repositories: [ml/night]}
  starts: 2027-01-15T00:00:00Z
  expires: 2027-01-15T12:00:00Z
  owner: ml
  reason: night shift
  approvedBy: security
"""
TUNED: Final = {"Privileged": True, "Binds": ["/boot:/host", "/srv/data:/data"]}
TRAIN: Final[dict[str, Any]] = {
    "image": "acme/train:1",
    "user": "1000",
    "privileged": True,
    "volumes": ["/boot:/host", "/srv/data:/data"],
}
EXEMPT: Final = {"no-privileged", "no-host-system-mounts"}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services whose policy set has exceptions by names."""
    folder = tmp_path_factory.mktemp("services")
    text = (built_in() / "default.yaml").read_text()
    (folder / "set.yaml").write_text(
        text.replace("[gpu, container]", "[gpu, container, hardening]") + POLICIES
    )
    settings = Settings(audit=str(folder / "audit.db"), policy_set=str(folder / "set.yaml"))
    built = build(settings)
    yield msgspec.structs.replace(built, clock=lambda: NOW, cache=DecisionCache(100))
    built.close()


class Host:
    """A host with receipts, its daemon, and what the gate says of requests to it."""

    def __init__(self, services: Services, engine: EngineStandIn, folder: Path) -> None:
        self.now = NOW
        self.running: list[str] = []
        self.engine = engine
        self.services = services
        self._folder = folder
        self._receipts = folder / "receipts"
        self._receipts.mkdir()
        engine.documents |= {
            "/info": {"DefaultRuntime": "runc"},
            "/images/acme/train:1/json": {"Config": {}},
            "/images/sha256:0/json": {"Config": {}},
        }
        existing = Existing(EngineClient(engine.path))
        receipts = Receipts(str(self._receipts), [KEY.public], HOST.name, lambda: self.now)
        slots = Slots(lambda *_: self.running)
        self._grants = GrantCheck(HOST, (), receipts, slots, lambda: "runc")
        self._own = OwnRules(services.settings, HOST)
        self._gate = Gate(services, HOST, existing, self._grants, self._own)

    def review(
        self,
        project: dict[str, Any] | None = None,
        key: Any = KEY,
        name: str = "train",
        repository: str = "ml/train",
        **changes: Any,
    ) -> Decision:
        """Put the receipt of a review on the host; `changes` are keys of its admission."""
        project = project or {"train": TRAIN}
        bundle = memory_bundle(
            {"compose.yaml": json.dumps({"name": name, "services": project}).encode()}
        )
        source = Source(repository=repository, host=HOST.name, environment="prod")
        review = Review("u", "ci", NOW, "CREATE", source=source)
        decision = self.services.decide(bundle, review)
        given = {
            "decision_id": "d-1",
            "time": rfc3339(NOW),
            "expires": rfc3339(NOW + HOUR),
            "project": name,
            "source": source,
            "workloads": admitted(self.services.workloads(bundle, review, decision)),
            "grants": decision.grants,
            **changes,
        }
        file = self._receipts / f"{len(list(self._receipts.iterdir()))}.receipt"
        file.write_bytes(receipt(key, **given))
        return decision

    def create(
        self,
        host: dict[str, Any] | None = None,
        project: str = "train",
        service: str = "train",
        **changes: Any,
    ) -> str:
        """Return why the gate denies a container, "" if it allows it."""
        content = {**container(project, service), "HostConfig": host or TUNED, **changes}
        return self.ask(CREATE, content)

    def ask(self, uri: str, content: dict[str, Any]) -> str:
        """Return why the gate denies a request, "" if it allows it."""
        return self._gate.before(envelope(uri, content)).message

    def start(self, user: str = "1000", host: dict[str, Any] | None = None) -> str:
        """Return why the gate denies the start of the container, "" if it allows it."""
        config = {**container("train", "train"), "User": user}
        self.engine.documents[f"/containers/{ID}/json"] = {
            "Id": ID, "Name": "/t", "Image": "sha256:0", "Config": config,
            "HostConfig": {**(host or TUNED), **filled_in(host or TUNED)},
        }  # fmt: skip
        return self._gate.before(envelope(f"/v1.41/containers/{ID}/start")).message

    def run(self, described: dict[str, Any] | None = None, **truth: Any) -> str:
        """Return why the runtime refuses the container; `truth` is what it would really get."""
        root = self._folder / f"data{len(list(self._folder.iterdir()))}"
        labels = container("train", "train")["Labels"]
        write_state(root, labels, **{**filled_in(described or TUNED), **(described or TUNED)})
        state = root / "containers" / ID / "config.v2.json"
        content = json.loads(state.read_text())
        content["Config"]["User"] = "1000"
        state.write_text(json.dumps(content))
        mounts = [bind("/boot", "/host"), bind("/srv/data", "/data")]
        rules = [allow("a", -1, -1)]
        client = EngineClient(self.engine.path)
        gate = RuntimeGate(
            self.services, HOST, client, self._grants, DeviceNumbers(Path("/0"), Path("/0")),
            self._own,
        )  # fmt: skip
        changes = {"mounts": mounts, "rules": rules, **truth}
        body = f"{ID}\n/usr/bin/runc\n".encode() + encoded(root=str(root), **changes)
        answer = gate.answer(body)
        return "" if answer == b"+" else str(json.loads(answer[1:])["msg"])

    def exempted(self) -> set[tuple[str, str]]:
        """Return the policies from which the last decision exempted, each with the exception."""
        event = event_of(self.services.audit.decisions(1)[0])
        return {(one.policy, one.exception) for one in event.result.exempted}


def filled_in(host: dict[str, Any]) -> dict[str, Any]:
    """Return what the daemon adds to the HostConfig `host`."""
    found: dict[str, Any] = {"Runtime": "runc", "CgroupnsMode": "private"}
    return found | ({"SecurityOpt": ["label=disable"]} if host.get("Privileged") else {})


def container(project: str, service: str) -> dict[str, Any]:
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    return {"Image": "acme/train:1", "User": "1000", "Labels": labels}


@pytest.fixture
def host(services: Services, engine: EngineStandIn, tmp_path: Path) -> Host:
    """A host without receipts."""
    return Host(services, engine, tmp_path)


def test_names_that_labels_claim_exempt_from_nothing(host: Host) -> None:
    said = host.create()

    assert "no-privileged: service train runs privileged" in said
    assert "exception" not in said


def test_an_exception_by_names_applies_to_what_a_receipt_covers(host: Host) -> None:
    denied = host.create()
    decision = host.review()
    assert decision.allowed
    assert {one.exception for one in decision.exempted} == {"trainer"}

    assert denied != ""
    assert host.create() == ""
    assert host.exempted() == {(policy, "trainer") for policy in EXEMPT}
    event = event_of(host.services.audit.decisions(1)[0])
    reason = "it tunes the kernel; names proven by the receipt of the decision d-1"
    assert {one.reason for one in event.result.exempted} == {reason}
    assert (host.start(), host.run()) == ("", "")
    assert host.exempted() == {(policy, "trainer") for policy in EXEMPT}


def test_a_volume_proves_no_names(host: Host) -> None:
    host.review()
    labels = container("train", "train")["Labels"]
    options = {"type": "none", "o": "bind", "device": "/boot"}

    said = host.ask("/volumes/create", {"Name": "train", "Labels": labels, "DriverOpts": options})

    assert "no-host-system-mounts" in said
    assert "the exception trainer" not in said


def test_a_service_of_swarm_proves_no_names(host: Host) -> None:
    host.review({"train": {**TRAIN, "privileged": False}})
    mounts = [
        {"Type": "bind", "Source": source, "Target": target}
        for source, target in (("/boot", "/host"), ("/srv/data", "/data"))
    ]
    labels = container("train", "train")["Labels"]
    spec = {"Image": "acme/train:1", "User": "1000", "Labels": labels, "Mounts": mounts}
    content = {"Name": "train", "Labels": labels, "TaskTemplate": {"ContainerSpec": spec}}

    said = host.ask("/v1.41/services/create", content)

    assert "no-host-system-mounts: service train mounts the system path /boot" in said
    assert "the exception trainer" not in said


def test_the_runtime_of_the_review_is_compared(host: Host) -> None:
    review = {"train": {**TRAIN, "runtime": "runsc"}}
    host.review(review)

    assert host.run({**TUNED, "Runtime": "runsc"}) == ""
    assert DIFFERS in host.run()


def test_it_applies_each_time_until_the_receipt_expires_or_is_removed(
    host: Host, tmp_path: Path
) -> None:
    host.review()
    assert [host.create(), host.create(), host.start(), host.start()] == [""] * 4

    host.now = NOW + HOUR
    expired = (
        "no-privileged: service train runs privileged, with every device of the host; the "
        "exception trainer for it does not apply: the receipt expired on "
        f"{rfc3339(NOW + HOUR)}; request a new review with policyd review --receipt"
    )
    for said in (host.create(), host.start(), host.run()):
        assert expired in said
    host.now = NOW
    assert host.create() == ""
    (tmp_path / "receipts" / "0.receipt").unlink()
    assert "no-privileged" in host.create()


def test_a_receipt_that_expired_before_it_was_read_says_so(host: Host) -> None:
    host.now = NOW + HOUR
    host.review()

    assert f"does not apply: the receipt expired on {rfc3339(NOW + HOUR)}" in host.create()


DIFFERS: Final = (
    "the exception trainer for it does not apply: the receipt of the decision d-1 does not cover "
    "this container, whose settings differ from those that were reviewed, or whose grants ended"
)
NO_DEPLOYMENT: Final = (
    "the receipt of the decision d-1 is not for a deployment; request the review with --operation "
    "CREATE"
)


@cases(
    ("changes", "reason"),
    [
        ({"key": OTHER_KEY}, ""),
        ({"allowed": False}, ""),
        ({"name": "other"}, ""),
        ({"source": Source(repository="ml/train", host="gpu-02")}, ""),
        ({"source": Source(repository="ml/train")}, ""),
        ({"time": rfc3339(NOW + HOUR)}, ""),
        ({"repository": "ml/other"}, ""),
        ({"repository": ""}, ""),
        ({"project": {"helper": TRAIN}}, ""),
        ({"operation": "CHECK"}, NO_DEPLOYMENT),
        ({"dry_run": True}, NO_DEPLOYMENT),
        ({"project": {"train": {**TRAIN, "cap_add": ["SYS_ADMIN"]}}}, DIFFERS),
        ({"project": {"train": {**TRAIN, "image": "acme/train:2"}}}, DIFFERS),
        ({"project": {"train": {**TRAIN, "volumes": ["/boot:/other"]}}}, DIFFERS),
    ],
    ids=str,
)
def test_a_receipt_of_anything_else_proves_no_names(
    services: Services,
    engine: EngineStandIn,
    tmp_path: Path,
    changes: dict[str, Any],
    reason: str,
) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    host = Host(services, engine, folder)
    host.review(**changes)

    for said in (host.create(), host.start(), host.run()):
        assert "no-privileged: service train runs privileged" in said
        assert (reason in said) if reason else ("exception" not in said)


def test_labels_that_name_another_project_or_service_prove_nothing(host: Host) -> None:
    host.review()

    assert "exception" not in host.create(project="other")
    assert "no-privileged: service web runs privileged" in host.create(service="web")
    labels = {**container("train", "train")["Labels"], "repository": "ml/train"}
    assert host.create(Labels=labels) == ""  # it is the container that was reviewed
    assert DIFFERS in host.create({**TUNED, "Binds": ["/usr/lib:/host"]}, Labels=labels)


def test_a_repository_counts_only_where_the_receipt_says_it(host: Host) -> None:
    host.review(repository="ml/other")
    labels = {**container("train", "train")["Labels"], "repository": "ml/train"}

    assert "no-privileged" in host.create(Labels=labels)


def test_what_differs_from_the_review_does_not_ride_on_the_exception(host: Host) -> None:
    host.review()

    for changed in (
        {**TUNED, "Binds": ["/boot:/other", "/srv/data:/data"]},
        {**TUNED, "Binds": ["/usr/lib:/host", "/srv/data:/data"]},
        {**TUNED, "CapAdd": ["SYS_ADMIN"]},
        {**TUNED, "PidMode": "host"},
    ):
        assert DIFFERS in host.create(changed)
    assert DIFFERS in host.create(Image="acme/train:2")


def test_a_setting_that_receipts_do_not_cover_needs_an_exception_by_host(host: Host) -> None:
    host.review()
    binds = ["/boot:/host", "/home/alice:/data"]

    said = host.create({**TUNED, "Binds": binds})

    assert (
        "mounts the sensitive path /home/alice of the host; the exception trainer for it does not "
        "apply: receipts do not cover this setting; select the host instead" in said
    )
    assert host.exempted() == {(policy, "trainer") for policy in EXEMPT}


def test_what_the_image_sets_does_not_ride_on_the_exception(host: Host) -> None:
    host.review({"train": {**TRAIN, "user": ""}})

    said = host.create(User="")
    assert "no-root-user: service train runs as root: its image sets no user" in said
    assert "trainer for it does not apply: receipts do not cover this setting" in said
    host.engine.documents["/images/sha256:0/json"] = {"Config": {"User": "root"}}
    said = host.start(user="root")  # the daemon fills in the user of the image
    assert "no-privileged" not in said
    assert "trainer for it does not apply: receipts do not cover this setting" in said


def test_the_user_of_the_image_that_the_daemon_fills_in_is_covered(host: Host) -> None:
    host.review({"train": {**TRAIN, "user": ""}})
    host.engine.documents["/images/sha256:0/json"] = {"Config": {"User": "1000"}}

    assert host.start() == ""


def test_no_more_containers_run_than_the_receipt_covers(host: Host) -> None:
    host.review()
    host.running = ["another"]

    assert host.create() == ""  # Compose creates the new container before it removes the old one
    assert (
        "no-privileged: service train runs privileged, with every device of the host; the "
        "exception trainer for it does not apply: the receipt is for 1 container, and another one "
        "is running" in host.start()
    )
    host.running = ["another", "third"]
    assert "for 1 container, and 2 others are running" in host.start()
    host.running = [ID]
    assert host.start() == ""


def test_containers_without_accelerators_are_counted_too(host: Host) -> None:
    host.review({"train": {**TRAIN, "privileged": False}})
    mounts = {"Binds": TUNED["Binds"]}
    host.running = ["another"]

    assert host.create(mounts) == ""
    assert "require-grant" not in host.start(host=mounts)
    assert "for 1 container, and another one is running" in host.start(host=mounts)
    host.running = []
    assert host.start(host=mounts) == ""


def test_two_receipts_cover_a_service_each(host: Host) -> None:
    helper = {**TRAIN, "volumes": ["/boot:/boot"]}
    host.review({"helper": helper})
    binds = {"Privileged": True, "Binds": ["/boot:/boot"]}
    assert "exception" not in host.create()
    host.review()

    assert host.create() == ""
    assert host.create(binds, service="helper") == ""
    assert DIFFERS in host.create(binds)
    assert DIFFERS in host.create(service="helper")


def test_one_service_may_have_receipts_of_many_reviews(host: Host) -> None:
    host.review({"train": {**TRAIN, "image": "acme/train:2"}}, time=rfc3339(NOW + 1))
    host.review()
    host.review(repository="ml/other", time=rfc3339(NOW + 2))

    assert host.create() == ""
    host.review(operation="CHECK", time=rfc3339(NOW + 3), decision_id="d-3")
    host.review(operation="CHECK", time=rfc3339(NOW + 1), decision_id="d-2")
    assert "the receipt of the decision d-3 is not for a deployment" in host.create(
        {**TUNED, "CapAdd": ["SYS_ADMIN"]}
    )


def test_services_of_the_same_settings_are_covered_each(host: Host) -> None:
    host.review({"helper": TRAIN, "train": TRAIN})

    assert (host.create(), host.create(service="helper")) == ("", "")


def test_an_exception_that_expired_applies_by_no_receipt(host: Host) -> None:
    host.review({"train": {**TRAIN, "volumes": ["/proc:/proc2"]}}, allowed=True)

    said = host.create({"Privileged": True, "Binds": ["/proc:/proc2"]})

    assert "; the exception ended for it expired on 2027-01-01T00:00:00Z" in said
    assert said.count("the exception ended") == 1


def test_a_constraint_that_selects_names_ignores_the_receipt(host: Host) -> None:
    """A policy that the host has, but the review had not, denies in spite of the receipt."""
    host.review(policy_set=PolicySetRevision("older", f"sha256:{'0' * 64}"))

    assert host.create() == ""
    assert "no-device-cgroup-rules" in host.create({**TUNED, "DeviceCgroupRules": ["a *:* rwm"]})


def test_break_glass_by_name_does_not_open_the_gate_itself(host: Host, services: Services) -> None:
    folder = str(Path(services.settings.audit).parent)
    mounts = {"Binds": [f"{folder}:/gate"]}
    host.review({"train": {**TRAIN, "privileged": False, "volumes": [f"{folder}:/gate"]}},
                repository="ml/night")  # fmt: skip

    said = host.create(mounts)

    assert "protect-gate" in said
    assert (
        "the exception night for it does not apply: names do not count for what the gate itself "
        "demands; select the host instead" in said
    )


@cases(
    ("truth", "reason"),
    [
        ({}, ""),
        ({"mounts": [bind("/boot", "/host"), bind("/srv/data", "/data", "ro")]}, ""),
        ({"mounts": [bind("/usr/lib", "/host"), bind("/srv/data", "/data")]}, DIFFERS),
        ({"mounts": [bind("/boot", "/host"), bind("/dev", "/data")]}, DIFFERS),
        ({"shared": ("pid",)}, DIFFERS),
        ({"rules": [allow("b", 8, 0)], "capabilities": ["CAP_SYS_ADMIN"]}, DIFFERS),
    ],
    ids=str,
)
def test_the_runtime_compares_what_the_container_would_get(
    services: Services,
    engine: EngineStandIn,
    tmp_path: Path,
    truth: dict[str, Any],
    reason: str,
) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    host = Host(services, engine, folder)
    host.review()

    said = host.run(**truth)

    assert (reason in said) if reason else (said == ""), said


def test_the_runtime_counts_grants_of_receipts_for_what_was_reviewed_only(host: Host) -> None:
    gpu = {**TRAIN, "privileged": False, "volumes": [], "devices": ["/dev/nvidia0"]}
    nodes = [{"PathOnHost": "/dev/nvidia0", "PathInContainer": "/dev/nvidia0"}]
    truth = {"devices": [device("/dev/nvidia0", 195, 0)], "mounts": [], "rules": []}
    described = {"Devices": [{**nodes[0], "CgroupPermissions": "rwm"}]}
    host.review({"train": gpu}, allowed=True)

    assert "require-grant" not in host.run(described, **truth)
    changed = host.run({**described, "CapAdd": ["SYS_ADMIN"]}, **truth)
    assert "require-grant: service train would get accelerators by" in changed
    mounted = host.run({**described, "Binds": ["/boot:/host"]}, **truth)
    assert "require-grant: service train would get accelerators by" in mounted


def test_the_runtime_follows_links_before_it_compares_with_a_receipt(
    host: Host, tmp_path: Path
) -> None:
    gpu = {**TRAIN, "privileged": False, "volumes": ["/boot:/host"], "devices": ["/dev/nvidia0"]}
    host.review({"train": gpu}, allowed=True)
    (tmp_path / "link").symlink_to("/boot")
    node = {"PathOnHost": "/dev/nvidia0", "PathInContainer": "/dev/nvidia0"}
    described = {
        "Devices": [{**node, "CgroupPermissions": "rwm"}],
        "Binds": [f"{tmp_path}/link:/host"],
    }

    said = host.run(
        described,
        devices=[device("/dev/nvidia0", 195, 0)],
        mounts=[bind("/boot", "/host")],
        rules=[],
    )

    assert "require-grant" not in said


def test_a_receipt_that_comes_or_goes_changes_the_next_decision(host: Host, tmp_path: Path) -> None:
    """Neither a denial without the receipt nor an exemption by it is kept."""
    assert "no-privileged" in host.create()
    host.review()
    assert host.create() == ""
    (tmp_path / "receipts" / "0.receipt").unlink()
    assert "no-privileged" in host.create()
