from __future__ import annotations

import msgspec
import pytest
from structlog.testing import capture_logs

from policyd.config import Settings
from policyd.errors import ConfigError
from policyd.host.settings_following import LIVE, LIVE_OF_HOST, SettingsFollowing
from policyd.host_settings import HostSettings

BEFORE = Settings(audit="a.db", host=HostSettings(name="gpu-01", mode="observe"))


class Source:
    """Settings that a test changes, and what became of them."""

    def __init__(self):
        self.written = BEFORE
        self.used = []
        self.told = []
        self.following = SettingsFollowing(BEFORE, self.read_again, self.use, self.told.append)

    def read_again(self):
        if self.written.policy_set == "broken":
            raise ConfigError("policyd.toml:1:1: it is broken")
        return self.written

    def use(self, settings):
        if settings.host.receipts == "broken":
            raise ConfigError("no key")
        self.used.append(settings)

    def reload(self, host=(), **changes):
        """Change the settings; return those in force then, and what was logged."""
        table = msgspec.structs.replace(self.written.host, **dict(host))
        self.written = msgspec.structs.replace(self.written, host=table, **changes)
        with capture_logs() as lines:
            settings = self.following.reload()
        return settings, [dict(line) for line in lines]


@pytest.fixture
def source():
    return Source()


def test_settings_that_a_running_gate_can_change_are_used(source):
    settings, lines = source.reload({"mode": "enforce", "builds": "allow"}, policy_set="p.yaml")

    assert settings == source.written == source.used[-1]
    changed = ["host.mode", "host.builds", "policy_set"]
    assert lines == [{"event": "settings in force", "log_level": "info", "changed": changed}]
    assert source.told == [changed]
    assert set(Settings.__struct_fields__) > LIVE
    assert set(HostSettings.__struct_fields__) > LIVE_OF_HOST


def test_what_needs_a_restart_stays_and_the_log_says_so(source):
    settings, lines = source.reload({"mode": "warn", "socket": "/s"}, audit="b.db", workers=7)

    assert settings == source.used[-1]
    assert (settings.host.mode, settings.host.socket) == ("warn", BEFORE.host.socket)
    assert (settings.audit, settings.workers) == ("a.db", BEFORE.workers)
    waiting = ["host.socket", "audit", "workers"]
    assert lines[0] == {
        "event": "settings are changed by a restart only",
        "log_level": "warning",
        "settings": waiting,
    }
    assert source.told == [["host.mode"]]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"policy_set": "broken"}, "policyd.toml:1:1: it is broken"),
        ({"host": {"receipts": "broken", "mode": "enforce"}}, "no key"),
    ],
)
def test_settings_that_are_not_valid_are_refused(source, changes, reason):
    settings, lines = source.reload(**changes)

    assert (settings, source.used, source.told) == (BEFORE, [], [])
    assert lines == [{"event": "settings refused", "log_level": "error", "reason": reason}]
    valid, _ = source.reload({"receipts": "", "mode": "warn"}, policy_set="")
    assert valid.host.mode == "warn"


def test_files_that_settings_name_are_read_again_without_a_change(source):
    settings, lines = source.reload()

    assert (settings, source.used, source.told, lines) == (BEFORE, [BEFORE], [], [])
