from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from policyd.config import Settings, Token
from policyd.errors import ConfigError
from policyd.serving import settings_reload
from policyd.serving.settings_reload import RESTART, SettingsReloader, read, stamp

DIGEST = "a" * 64


def token(digest: str = DIGEST) -> Token:
    return Token(owner="ci", sha256=digest, repositories=("**",))


class Source:
    """Settings that a test changes; `check` refuses the images of this test."""

    def __init__(self) -> None:
        self.settings = Settings(tokens={"ci": token(), "old": token("b" * 64)}, listen="a:1")

    def read_again(self) -> Settings:
        if self.settings.policy_set == "broken":
            raise ConfigError("policyd.toml:1:1: it is broken")
        return self.settings

    def check(self, settings: Settings) -> None:
        if settings.images == "inspect":
            raise ConfigError("no registry may be read")

    def change(self, **changes: object) -> None:
        self.settings = msgspec.structs.replace(self.settings, **changes)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def following(source: Source, tmp_path: Path) -> SettingsReloader:
    return SettingsReloader(source.settings, tmp_path, source.read_again, source.check)


def logged(reload: Callable[[], bool]) -> tuple[bool, list[dict[str, object]]]:
    with capture_logs() as lines:
        changed = reload()
    return changed, [dict(line) for line in lines]


def test_settings_are_published_for_this_user_only(
    source: Source, following: SettingsReloader, tmp_path: Path
) -> None:
    assert read(tmp_path) == source.settings
    mode = (tmp_path / settings_reload.FILE).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    first = stamp(tmp_path)
    assert not following.publish_again()
    assert stamp(tmp_path) == first

    (tmp_path / settings_reload.FILE).unlink()
    assert following.publish_again()
    assert read(tmp_path) == source.settings


def test_changed_settings_are_in_force_and_the_log_names_what_changed(
    source: Source, following: SettingsReloader, tmp_path: Path
) -> None:
    source.change(tokens={"ci": token("c" * 64), "new": token()}, image_timeout=9)

    changed, lines = logged(following.reload)

    assert changed
    assert read(tmp_path) == source.settings == following.settings
    assert lines == [
        {
            "event": "settings in force",
            "log_level": "info",
            "changed": [
                "tokens.ci: changed", "tokens.new: added", "tokens.old: removed", "image_timeout",
            ],
        }
    ]  # fmt: skip


def test_unchanged_settings_are_not_published(following: SettingsReloader, tmp_path: Path) -> None:
    before = stamp(tmp_path)

    changed, lines = logged(following.reload)

    assert not changed
    assert [line["event"] for line in lines] == ["settings unchanged"]
    assert stamp(tmp_path) == before


def test_what_needs_a_restart_stays_and_the_log_says_so(
    source: Source, following: SettingsReloader, tmp_path: Path
) -> None:
    source.change(listen="b:2", workers=7, image_timeout=9)

    changed, lines = logged(following.reload)

    assert changed
    kept = read(tmp_path)
    assert (kept.listen, kept.workers, kept.image_timeout) == ("a:1", 2, 9)
    assert [line.get("settings") or line.get("changed") for line in lines] == [
        ["listen", "workers"],
        ["image_timeout"],
    ]
    assert lines[0]["event"] == "settings are changed by a restart only"
    assert set(RESTART) < set(Settings.__struct_fields__)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"policy_set": "broken"}, "policyd.toml:1:1: it is broken"),
        ({"images": "inspect"}, "no registry may be read"),
    ],
)
def test_settings_that_are_not_valid_are_refused(
    change: dict[str, str],
    reason: str,
    source: Source,
    following: SettingsReloader,
    tmp_path: Path,
) -> None:
    before = source.settings
    source.change(**change)

    changed, lines = logged(following.reload)

    assert not changed
    assert read(tmp_path) == before == following.settings
    assert lines == [{"event": "settings refused", "log_level": "error", "reason": reason}]


def test_changes_are_told_by_name(source: Source, tmp_path: Path) -> None:
    told: list[object] = []
    following = SettingsReloader(
        source.settings, tmp_path, source.read_again, source.check, told.append
    )

    source.change(tokens={"ci": token("c" * 64)}, decision_cache=7)
    following.reload()
    following.reload()

    assert told == [["decision_cache", "tokens.ci: changed", "tokens.old: removed"]]
