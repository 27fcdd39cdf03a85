from __future__ import annotations

import hashlib

import msgspec
import pytest

from policyd.config import ImageRegistry, Registry, Settings, Token, default_audit
from policyd.errors import ConfigError
from tests.support.cases import cases

DIGEST = hashlib.sha256(b"s3cret-token").hexdigest()


@cases(
    ("environment", "path"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/a"}, "/state/policyd/audit.db"),
        ({"HOME": "/home/a"}, "/home/a/.local/state/policyd/audit.db"),
        (
            {"XDG_STATE_HOME": "relative", "HOME": "/home/a"},
            "/home/a/.local/state/policyd/audit.db",
        ),
    ],
)
def test_the_log_of_serve_lies_under_the_state_folder(environment, path):
    assert default_audit(environment) == path


def test_without_a_home_there_is_no_place_for_the_log():
    with pytest.raises(ConfigError, match="neither XDG_STATE_HOME nor HOME is set"):
        default_audit({})


@cases("kind", [Settings, Token, Registry, ImageRegistry])
def test_every_setting_says_what_it_is_for(kind):
    for field in msgspec.structs.fields(kind):
        info = msgspec.inspect.type_info(field.type)
        assert isinstance(info, msgspec.inspect.Metadata), field.name
        assert info.extra_json_schema["description"].endswith((".", "registry.example")), field.name
