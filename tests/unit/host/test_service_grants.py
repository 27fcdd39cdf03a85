from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import msgspec
import pytest

from policyd.errors import DeliveryError
from policyd.host.granted import GrantsUnknown
from policyd.host.service_grants import PAGE, ServiceGrants
from policyd.host_settings import HostSettings
from tests.support.grants_webhook import page, record

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND


@pytest.fixture
def settings(webhook, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret-token-of-the-host")
    token.chmod(0o600)
    return HostSettings(
        name="gpu-01",
        grants_url=webhook.url,
        grants_token_file=str(token),
        grants_cache=str(tmp_path / "state" / "grants.json"),
        grants_max_age=60,
    )


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_all_pages_are_read_with_the_token(webhook, settings, clock):
    webhook.pages = {"": page(record(2), following="2.0"), "2.0": page(record(1))}
    grants = ServiceGrants(settings, clock)
    grants.refresh()

    assert [one.sequence for one in grants.held("train")] == [2, 1]
    assert grants.held("other") == []
    query = {"active": ["true"], "limit": [str(PAGE)], "host": ["gpu-01"]}
    assert webhook.asked == [
        (query, "Bearer s3cret-token-of-the-host"),
        ({**query, "before": ["2.0"]}, "Bearer s3cret-token-of-the-host"),
    ]


def test_grants_of_other_hosts_and_expired_ones_do_not_count(webhook, settings, clock):
    expired = record(2, expires="2027-01-15T08:00:00.000000000Z")
    webhook.pages = {"": page(record(1, host="gpu-02"), expired, record(3))}
    grants = ServiceGrants(settings, clock)
    grants.refresh()

    assert [one.sequence for one in grants.held("train")] == [3]


@pytest.mark.parametrize("answer", [None, b"{", b'{"items":[{"sequence":1}]}'])
def test_the_last_grants_count_while_the_webhook_fails_until_they_are_too_old(
    webhook, settings, clock, answer
):
    webhook.pages = {"": page(record(1))}
    grants = ServiceGrants(settings, clock)
    grants.refresh()
    webhook.pages = {"": answer}
    with pytest.raises(DeliveryError):
        grants.refresh()

    clock.now += 60 * SECOND
    assert len(grants.held("train")) == 1
    clock.now += 1
    with pytest.raises(GrantsUnknown, match=r"could not be read from .* for 60 seconds"):
        grants.held("train")


def test_without_any_reading_no_grant_is_known(settings, clock):
    with pytest.raises(GrantsUnknown):
        ServiceGrants(settings, clock).held("train")


def test_the_grants_are_kept_over_a_restart(webhook, settings, clock):
    webhook.pages = {"": page(record(1))}
    ServiceGrants(settings, clock).refresh()

    assert stat.S_IMODE(os.stat(settings.grants_cache).st_mode) == 0o600
    assert len(ServiceGrants(settings, clock).held("train")) == 1


def tamper_mode(path: Path, _: dict) -> None:
    path.chmod(0o622)


def tamper_link(path: Path, _: dict) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


def tamper(**fields: object):
    def change(path: Path, known: dict) -> None:
        path.write_text(json.dumps({**known, **fields}))

    return change


@pytest.mark.parametrize(
    "change",
    [
        tamper_mode,
        tamper_link,
        tamper(url="http://127.0.0.1:1/v1/grants"),
        tamper(host="gpu-02"),
        tamper(read=NOW + 3_600 * SECOND),
        tamper(grants=[1]),
    ],
)
def test_a_file_that_is_not_our_own_does_not_count(webhook, settings, clock, change):
    webhook.pages = {"": page(record(1))}
    ServiceGrants(settings, clock).refresh()
    path = Path(settings.grants_cache)
    change(path, json.loads(path.read_text()))

    with pytest.raises(GrantsUnknown):
        ServiceGrants(settings, clock).held("train")


def test_the_thread_reads_again(webhook, settings, clock, until):
    webhook.pages = {"": page(record(1))}
    grants = ServiceGrants(msgspec.structs.replace(settings, grants_interval=1), clock)
    grants.start()
    try:
        until(lambda: len(webhook.asked) > 0)
    finally:
        grants.stop()
