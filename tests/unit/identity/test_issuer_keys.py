from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, text

from policyd.audit.key_sets import KeptKeySet, KeySets
from policyd.audit.store import open_store
from policyd.audit.tables import issuer_key_sets
from policyd.errors import IdentityUnavailable, Unauthorized
from policyd.identity.issuer_keys import LIFETIME, MAX_AGE, PAUSE, IssuerKeys
from policyd.issuer_settings import Issuer
from tests.support.issuing import StandInIssuer, jwk, rsa_key


class Clock:
    """A clock that tests set, in seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(settings: Issuer, clock: Clock) -> IssuerKeys:
    return IssuerKeys("forge", settings, clock)


def test_keys_are_requested_once_in_their_lifetime(
    keys: IssuerKeys, issuer: StandInIssuer, clock: Clock
) -> None:
    found = [keys.find("first").key_id for _ in range(3)]
    clock.now += LIFETIME - 1
    keys.find("first")
    before = issuer.requests
    clock.now += 1
    keys.find("first")

    assert (found, before, issuer.requests) == (["first"] * 3, 1, 2)


def test_a_new_key_works_after_the_pause_and_unknown_ids_cause_no_more_requests(
    keys: IssuerKeys, issuer: StandInIssuer, clock: Clock
) -> None:
    keys.find("first")
    issuer.keys = [jwk(rsa_key("second"), "second")]
    for _ in range(20):
        with pytest.raises(
            Unauthorized, match=r"^the issuer forge has no key that the token names$"
        ):
            keys.find("second")
    clock.now += PAUSE

    assert keys.find("second").key_id == "second"
    assert issuer.requests == 2


def test_the_last_keys_count_for_a_day_without_the_issuer(
    keys: IssuerKeys, issuer: StandInIssuer, clock: Clock
) -> None:
    keys.find("first")
    issuer.status = 503
    for _ in range(24):
        clock.now += 3599
        assert keys.find("first").key_id == "first"
    clock.now = 1000 + MAX_AGE

    with pytest.raises(IdentityUnavailable) as error:
        keys.find("first")
    assert str(error.value) == "the keys of the issuer forge cannot be read at the moment"


def test_an_issuer_that_is_away_is_asked_once_in_the_pause(
    keys: IssuerKeys, issuer: StandInIssuer, clock: Clock
) -> None:
    issuer.discovery = {"issuer": "https://other.example", "jwks_uri": f"{issuer.url}/keys"}
    for _ in range(5):
        with pytest.raises(IdentityUnavailable):
            keys.find("first")
    issuer.discovery["issuer"] = issuer.url
    with pytest.raises(IdentityUnavailable):
        keys.find("first")
    clock.now += PAUSE

    assert keys.find("first").key_id == "first"


@pytest.fixture
def kept(tmp_path: Path, empty_log: Path) -> Iterator[KeySets]:
    store = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    yield KeySets(store)
    store.close()


def test_the_last_keys_count_after_a_restart_without_the_issuer(
    settings: Issuer, issuer: StandInIssuer, clock: Clock, kept: KeySets
) -> None:
    IssuerKeys("forge", settings, clock, kept).find("first")
    assert IssuerKeys("forge", settings, clock, kept).find("first").key_id == "first"
    assert issuer.requests == 1  # fresh keys are not requested again
    found = kept.find(settings.issuer)
    assert found
    issuer.status = 503

    old = KeptKeySet(found.content, int(time.time() - MAX_AGE + 600))
    with kept._store.database.writing() as connection:
        connection.execute(delete(issuer_key_sets))
    kept.keep(settings.issuer, old)
    keys = IssuerKeys("forge", settings, clock, kept)
    assert keys.find("first").key_id == "first"
    with pytest.raises(Unauthorized):
        keys.find("second")
    clock.now += 601
    with pytest.raises(IdentityUnavailable):
        keys.find("first")


@pytest.mark.parametrize("age", [MAX_AGE + 1, -60])
def test_keys_that_are_too_old_or_of_the_future_are_not_restored(
    settings: Issuer, issuer: StandInIssuer, clock: Clock, kept: KeySets, age: float
) -> None:
    content = json.dumps({"keys": [jwk(rsa_key(), "first")]}).encode()
    kept.keep(settings.issuer, KeptKeySet(content, int(time.time() - age)))
    issuer.status = 503

    with pytest.raises(IdentityUnavailable):
        IssuerKeys("forge", settings, clock, kept).find("first")


def test_a_database_that_fails_prevents_no_request_of_keys(
    settings: Issuer, clock: Clock, kept: KeySets
) -> None:
    with kept._store.database.writing() as connection:
        connection.execute(text("DROP TABLE issuer_key_sets"))

    assert IssuerKeys("forge", settings, clock, kept).find("first").key_id == "first"


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://other.example"},
        {"jwks_uri": None},
        {"jwks_uri": "https://169.254.169.254/latest"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://[::1"},
        {"jwks_uri": 7},
    ],
)
def test_only_keys_at_an_allowed_host_are_requested(
    keys: IssuerKeys, issuer: StandInIssuer, discovery: dict[str, Any]
) -> None:
    issuer.discovery |= discovery

    with pytest.raises(IdentityUnavailable):
        keys.find("first")
    assert issuer.requests == 0


def test_a_redirect_is_not_followed(keys: IssuerKeys, issuer: StandInIssuer) -> None:
    issuer.status, issuer.headers = 302, {"Location": f"{issuer.url}/keys"}

    with pytest.raises(IdentityUnavailable):
        keys.find("first")
    assert issuer.requests == 0


def test_a_large_answer_is_not_read(keys: IssuerKeys, issuer: StandInIssuer) -> None:
    issuer.discovery["more"] = "x" * 70_000

    with pytest.raises(IdentityUnavailable):
        keys.find("first")


def test_keys_are_read_from_the_file_of_the_settings(
    settings: Issuer, issuer: StandInIssuer, tmp_path: Path
) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [jwk(rsa_key(), "kept")]}))

    keys = IssuerKeys("forge", msgspec.structs.replace(settings, jwks_file=str(file)))

    assert keys.find("kept").key_id == "kept"
    assert issuer.requests == 0
