from __future__ import annotations

import hashlib

import msgspec
import pytest

from policyd.config import ImageRegistry, Registry, Settings, Token, default_audit, listen_address
from policyd.errors import ConfigError

DIGEST = hashlib.sha256(b"s3cret-token").hexdigest()


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("127.9.9.9:80", ("127.9.9.9", 80)),
        ("localhost:1", ("localhost", 1)),
        ("[::1]:8093", ("::1", 8093)),
    ],
)
def test_without_tokens_loopback_is_taken(listen, address):
    assert listen_address(Settings(listen=listen)) == address


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "gpu-01:80", "10.0.0.1:80"])
def test_without_tokens_an_address_that_others_reach_is_refused(listen):
    with pytest.raises(ConfigError) as caught:
        listen_address(Settings(listen=listen))
    assert str(caught.value) == (
        f"listen: {listen} is not a loopback address, and no token is configured; "
        "add [tokens.NAME] to the settings file, or listen on 127.0.0.1"
    )

    token = Token(owner="ci", sha256=DIGEST, repositories=("**",))
    assert listen_address(Settings(listen=listen, tokens={"ci": token}))[1] == 80


@pytest.mark.parametrize("listen", ["", "8093", "127.0.0.1", "a:b", "127.0.0.1:70000", "::1:80"])
def test_an_address_that_is_none_is_refused(listen):
    with pytest.raises(ConfigError, match="write HOST:PORT"):
        listen_address(Settings(listen=listen))


@pytest.mark.parametrize("kind", [Settings, Token, Registry, ImageRegistry])
def test_every_setting_says_what_it_is_for(kind):
    for field in msgspec.structs.fields(kind):
        info = msgspec.inspect.type_info(field.type)
        assert isinstance(info, msgspec.inspect.Metadata), field.name
        assert info.extra_json_schema["description"].endswith((".", "registry.example")), field.name
