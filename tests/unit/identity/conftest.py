from __future__ import annotations

from collections.abc import Iterator

import pytest

from policyd.issuer_settings import Issuer
from tests.support.issuing import AUDIENCE, StandInIssuer, issuing


@pytest.fixture
def issuer() -> Iterator[StandInIssuer]:
    """An issuer on this machine."""
    with issuing() as started:
        yield started


@pytest.fixture
def settings(issuer: StandInIssuer) -> Issuer:
    """The settings of `issuer`."""
    return Issuer(
        issuer=issuer.url,
        audience=AUDIENCE,
        kind="github",
        repositories=("acme/**",),
        insecure=True,
    )
