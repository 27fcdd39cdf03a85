from __future__ import annotations

from policyd.host.engine_version import state_of
from tests.support.cases import cases


@cases(
    ("version", "expected"),
    [
        ("29.3.1", "ok"),
        ("29.7.2", "ok"),
        ("30.0.0-rc.1", "ok"),
        ("29.3.1-1.el9", "ok"),
        ("29.3.0", "unknown"),
        ("28.2.2", "unknown"),
        ("27.1.1", "unknown"),
        ("27.1.0", "unsafe"),
        ("26.1.5", "unknown"),
        ("26.1.4", "unsafe"),
        ("26.0.0-rc.1", "unsafe"),
        ("25.0.6", "unknown"),
        ("24.0.9", "unsafe"),
        ("23.0.15", "unknown"),
        ("20.10.24", "unsafe"),
        ("20.10.24+dfsg1", "unknown"),
        ("24.0.7-0ubuntu4", "unknown"),
        ("dev", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_version_shows_bodies_hides_them_or_cannot_be_told(version, expected):
    assert state_of(version) == expected
