"""What runs on a host beside what was granted: a stand-in for the daemon, real resolution."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policyd.audit.event import GrantRecord
from policyd.audit.store import open_store
from policyd.bundle import memory_bundle
from policyd.formats.host_safety import difference_json, difference_metrics, difference_text
from policyd.host.difference import difference, difference_of
from policyd.host.engine_client import EngineClient
from policyd.host.granted import GrantsUnknown, Receipts
from policyd.host_findings import Difference
from policyd.host_resolver import HostResolver
from policyd.host_settings import HostSettings
from policyd.loading import load_project
from policyd.receipts.coverage import admitted
from policyd.services import Services
from tests.support.engine_stand_in import EngineStandIn
from tests.support.grants_webhook import Webhook, page, record
from tests.support.held import granted
from tests.support.receipts import KEY, receipt
from tests.support.receipts import NOW as RECEIPT_NOW
from tests.unit.host.conftest import NOW


def container(service: str, **host: Any) -> dict[str, Any]:
    labels = {"com.docker.compose.project": "train", "com.docker.compose.service": service}
    return {
        "Id": f"{service}-0123456789abcdef",
        "Name": f"/train-{service}-1",
        "Image": "sha256:1",
        "Config": {"Image": "x", "Labels": labels},
        "HostConfig": {"Runtime": "runc", **host},
    }


def gpu(*ids: str) -> list[dict[str, Any]]:
    return [{"Driver": "nvidia", "DeviceIDs": list(ids), "Capabilities": [["gpu"]]}]


def run(engine: EngineStandIn, *running: dict[str, Any]) -> None:
    engine.documents["/info"] = {"DefaultRuntime": "runc"}
    engine.documents["/containers/json"] = [{"Id": one["Id"]} for one in running]
    for one in running:
        engine.documents[f"/containers/{one['Id']}/json"] = one


def compared(
    services: Services, engine: EngineStandIn, held: list[GrantRecord], *running: dict[str, Any]
) -> Difference:
    run(engine, *running)
    grants = HostResolver(services.policy_set.data).grants
    return difference("gpu-01", EngineClient(engine.path), held, grants)


def test_a_container_without_a_grant_and_a_grant_without_a_container_are_found(
    services: Services, engine: EngineStandIn
) -> None:
    found = compared(
        services,
        engine,
        [record(1, identities=("0",)), record(2, service="gone")],
        container("worker", DeviceRequests=gpu("0")),
        container("other", DeviceRequests=gpu("1")),
        container("web"),
    )

    assert [(one.container, one.service, one.reason) for one in found.uncovered] == [
        ("other-012345", "other", "it has no active grant")
    ]
    assert [(one.name, one.service) for one in found.unused] == [("2.0", "gone")]
    assert (found.containers, found.grants) == (3, 2)


def test_a_container_with_more_than_was_granted_is_found(
    services: Services, engine: EngineStandIn
) -> None:
    found = compared(
        services, engine, [record(1)], container("worker", DeviceRequests=gpu("0", "1"))
    )

    assert [one.reason for one in found.uncovered] == ["it was granted 0"]
    assert [one.name for one in found.unused] == ["1.0"]


def test_more_containers_than_replicas_are_found_the_newest_ones(
    services: Services, engine: EngineStandIn
) -> None:
    first, second = (container("worker", DeviceRequests=gpu("0")) for _ in range(2))
    newest = {**second, "Id": "new-container-0123456789"}
    held = [record(1, identities=("0",))]
    found = compared(services, engine, held, newest, first)

    assert [(one.container, one.reason) for one in found.uncovered] == [
        ("new-containe", "it was granted 1 container, and more are running")
    ]
    assert found.unused == ()


def test_the_difference_is_printed_as_text_json_and_metrics(
    services: Services, engine: EngineStandIn
) -> None:
    found = compared(services, engine, [record(1)], container("other", DeviceRequests=gpu("1")))

    text = difference_text(found)
    assert "other-012345  train    other" in text
    assert text.endswith(
        "gpu-01: 1 of 1 running containers have accelerators without a grant; 1 of 1 grants are "
        "unused.\n"
    )
    document = json.loads(difference_json(found))
    assert (document["kind"], document["uncovered"][0]["service"]) == ("HostDifference", "other")
    assert difference_metrics(found).splitlines()[2:] == [
        'policyd_host_uncovered_containers{host="gpu-01"} 1',
        "# HELP policyd_host_unused_grants Grants that no running container uses.",
        "# TYPE policyd_host_unused_grants gauge",
        'policyd_host_unused_grants{host="gpu-01"} 1',
    ]


def test_a_host_without_containers_and_grants_is_clean(
    services: Services, engine: EngineStandIn
) -> None:
    found = compared(services, engine, [])

    assert (found.uncovered, found.unused) == ((), ())


@pytest.fixture
def host(webhook: Webhook, engine: EngineStandIn, tmp_path: Path) -> HostSettings:
    """A host whose grants come from a webhook."""
    token = tmp_path / "token"
    token.write_text("s3cret-token-of-the-host")
    token.chmod(0o600)
    return HostSettings(
        name="gpu-01",
        engine=engine.path,
        grants_url=webhook.url,
        grants_token_file=str(token),
        grants_cache=str(tmp_path / "grants.json"),
        grants_max_age=60,
    )


def test_grants_of_the_webhook_count_also_while_it_is_away(
    services: Services,
    engine: EngineStandIn,
    host: HostSettings,
    webhook: Webhook,
    tmp_path: Path,
    empty_log: Path,
) -> None:
    store = open_store(str(shutil.copy(empty_log, tmp_path / "own.db")))
    services = msgspec.structs.replace(services, store=store)
    run(engine, container("worker", DeviceRequests=gpu("0")))
    webhook.pages = {"": page(record(1, identities=("0",)), record(2, service="gone"))}

    found = [difference_of(services, host)]
    webhook.pages = {}
    found.append(difference_of(services, host))

    for one in found:
        assert one.uncovered == ()
        assert [unused.service for unused in one.unused] == ["gone"]
        assert (one.containers, one.grants) == (1, 2)
    later = msgspec.structs.replace(services, clock=lambda: NOW + 61 * 1_000_000_000)
    with pytest.raises(GrantsUnknown, match="could not be read from"):
        difference_of(later, host)
    store.close()


def test_a_receipt_covers_a_container_with_the_settings_of_the_review(
    services: Services, engine: EngineStandIn, tmp_path: Path
) -> None:
    grants = HostResolver(services.policy_set.data).grants
    compose = """
        name: train
        services:
          worker:
            image: IMAGE
            deploy: {resources: {reservations: {devices: [
              {driver: nvidia, device_ids: ["0"], capabilities: [gpu]}]}}}
        """
    given = container("worker", DeviceRequests=gpu("0"))
    text = compose.replace("IMAGE", given["Config"]["Image"])
    loaded = grants.with_grants(load_project(memory_bundle({"compose.yaml": text.encode()})), "")
    given_by = receipt(workloads=admitted(loaded.workloads), grants=(granted("worker"),))
    (tmp_path / "a.receipt").write_bytes(given_by)
    receipts = Receipts(str(tmp_path), [KEY.public], "gpu-01", lambda: RECEIPT_NOW)
    client = EngineClient(engine.path)

    def uncovered(**host: object) -> list[str]:
        run(engine, container("worker", DeviceRequests=gpu("0"), **host))
        found = difference("gpu-01", client, [], grants, receipts.held_for)
        return [one.service for one in found.uncovered]

    assert uncovered() == []
    assert uncovered(CapAdd=["SYS_ADMIN"]) == ["worker"]
