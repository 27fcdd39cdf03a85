from __future__ import annotations

import pytest

from policyd.registry.json_keys import check_keys, folded
from tests.support.cases import cases

KNOWN = folded(["Env", "mediaType"])


def test_keys_as_they_are_known_and_other_keys_pass() -> None:
    check_keys([("Env", 1), ("mediaType", 2), ("Other", 3)], KNOWN)


@cases(
    ("names", "message"),
    [
        (["env"], "the key 'env' must be written 'Env'"),
        (["Env", "env"], "the keys 'Env' and 'env' are the same key for Docker"),
        (["x", "x"], "the keys 'x' and 'x' are the same key for Docker"),
        (["o\u017f", "os"], "the keys 'o\u017f' and 'os' are the same key for Docker"),
    ],
)
def test_other_spellings_are_errors(names: list[str], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_keys([(name, 0) for name in names], KNOWN)
    assert str(caught.value) == message
