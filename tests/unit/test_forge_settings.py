"""The settings of a forge."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import ConfigError
from policyd.settings_reader import load_settings

RIGHT = """\
[forges.main]
kind = "github"
secret_file = "secret"
token_file = "token"
repositories = ["ml/**"]
"""


def read(tmp_path: Path, text: str) -> object:
    file = tmp_path / "policyd.toml"
    file.write_text(text)
    return load_settings(str(file), {}, {}).forges["main"]


def test_github_has_the_defaults_of_github_com(tmp_path: Path) -> None:
    found = read(tmp_path, RIGHT)

    assert (found.url, found.redirect_hosts) == (  # type: ignore[attr-defined]
        "https://api.github.com",
        ("codeload.github.com",),
    )
    assert found.secret_file == str(tmp_path / "secret")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('kind = "github"', 'kind = "gitea"', "forges.main.url: expected https:// and a host"),
        ('kind = "github"', 'kind = "svn"', "forges.main.kind: expected gitea, github or gitlab"),
        ('token_file = "token"\n', "", "forges.main: set token_file, or app_id and app_key_file"),
        ('token_file = "token"', 'app_id = "1"', "app_id and app_key_file must be set together"),
        (
            'kind = "github"',
            'kind = "gitlab"\nurl = "https://g.example/api/v4"\napp_id = "1"\napp_key_file = "k"',
            "forges.main.app_id: only forges of the kind github have apps",
        ),
        (
            'kind = "github"',
            'kind = "github"\nurl = "http://g.example"',
            "expected https:// and a host",
        ),
        (
            'kind = "github"',
            'kind = "github"\ncreate_on = ["refs/heads/main"]',
            "forges.main.create_on: grants need an environment or a host",
        ),
        ('repositories = ["ml/**"]', "", "the required setting repositories is missing"),
        ("secret_file", "secretfile", "unknown setting secretfile; did you mean secret_file?"),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, RIGHT.replace(before, after))

    assert message in str(refused.value)
