"""The contract of hooks, for each one in the dict."""

from __future__ import annotations

import pytest

from policyd.errors import RequestError
from policyd.hooks import HOOKS
from tests.support.cases import cases


@cases("name", sorted(HOOKS))
@cases("body", [b"", b"null", b"[]", b'"\xff"', b"[" * 100_000])
def test_a_body_that_is_not_a_notification_is_an_error(name: str, body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        HOOKS[name](body)

    assert caught.value.status_code == 400
    assert "\n" not in str(caught.value)
