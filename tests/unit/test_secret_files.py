"""Secrets come from files that only those who need them can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import ConfigError
from policyd.secret_files import LEAST_TOKEN, key_in, secret_in, token_in

TOKEN = "0123456789abcdef"


def written(folder: Path, text: str, mode: int) -> str:
    file = folder / "token"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_token_is_read_without_the_blanks_around_it(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, f" {TOKEN}\n", mode)

    assert token_in(path, "x", LEAST_TOKEN) == TOKEN


@pytest.mark.parametrize(
    ("mode", "done"), [(0o644, "read"), (0o604, "read"), (0o666, "read"), (0o602, "change")]
)
def test_a_token_that_everybody_can_read_or_change_is_refused(
    tmp_path: Path, mode: int, done: str
) -> None:
    path = written(tmp_path, TOKEN, mode)

    with pytest.raises(ConfigError) as error:
        token_in(path, "tokens.ci.value_file")

    assert str(error.value) == (
        f"tokens.ci.value_file: all users of this machine can {done} {path} (mode {mode:04o}); "
        "allow only its owner, with chmod 600, or also its group"
    )
    assert secret_in(path, "POLICYD_AUDIT_FILE") == TOKEN


def test_a_short_token_is_refused_without_being_shown(tmp_path: Path) -> None:
    path = written(tmp_path, TOKEN[:-1] + "\n", 0o600)

    with pytest.raises(ConfigError) as error:
        token_in(path, "tokens.ci.value_file", LEAST_TOKEN)

    assert str(error.value) == (
        f"tokens.ci.value_file: the token in {path} has 15 characters, which can be guessed; "
        "use at least 16, such as the output of openssl rand -hex 32"
    )
    assert token_in(path, "POLICYD_ENGINE_TOKEN_FILE") == TOKEN[:-1]


@pytest.mark.parametrize(
    ("content", "reason"), [(b" \n", "is empty"), (b"\xff", "is not valid UTF-8")]
)
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    file.chmod(0o600)

    for read in (secret_in, token_in):
        with pytest.raises(ConfigError, match=f"^x: {file} {reason}$"):
            read(str(file), "x")


def test_a_file_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^x: cannot read /gone: No such file or directory$"):
        secret_in("/gone", "x")


def test_a_private_key_is_read_as_it_is_unless_everybody_can_read_it(tmp_path: Path) -> None:
    assert key_in(written(tmp_path, " k\n", 0o600), "x") == b" k\n"
    with pytest.raises(ConfigError, match=r"^x: all users of this machine can read "):
        key_in(written(tmp_path, "k", 0o644), "x")
    with pytest.raises(ConfigError, match=r"^x: cannot read .*: No such file or directory$"):
        key_in(str(tmp_path / "none"), "x")
