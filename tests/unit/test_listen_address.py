from __future__ import annotations

import pytest

from policyd.config import Settings, Token
from policyd.errors import ConfigError
from policyd.listen_address import listen_address
from tests.support.cases import cases

DIGEST = "0" * 64


@cases(
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


@cases("listen", ["0.0.0.0:80", "[::]:80", "gpu-01:80", "10.0.0.1:80"])
def test_without_tokens_an_address_that_others_reach_is_refused(listen):
    with pytest.raises(ConfigError) as caught:
        listen_address(Settings(listen=listen))
    assert str(caught.value) == (
        f"listen: {listen} is not a loopback address, and no token is configured; "
        "add [tokens.NAME] to the settings file, or listen on 127.0.0.1"
    )

    token = Token(owner="ci", sha256=DIGEST, repositories=("**",))
    assert listen_address(Settings(listen=listen, tokens={"ci": token}))[1] == 80


@cases("listen", ["", "8093", "127.0.0.1", "a:b", "127.0.0.1:70000", "::1:80"])
def test_an_address_that_is_none_is_refused(listen):
    with pytest.raises(ConfigError, match="write HOST:PORT"):
        listen_address(Settings(listen=listen))
