from __future__ import annotations

import hashlib

import pytest

from policyd.web.bearer import matches, presented

DIGEST = hashlib.sha256(b"test-secret").hexdigest()


@pytest.mark.parametrize("header", ["Bearer test-secret", "bearer  test-secret "])
def test_the_right_token_matches(header):
    assert presented(header) == DIGEST
    assert matches(presented(header), DIGEST)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "test-secret",
        "Basic test-secret",
        "Bearer test-secret x",
        "Bearer é",
    ],
)
def test_no_bearer_token_matches_nothing(header):
    assert presented(header) == ""
    assert not matches(presented(header), DIGEST)


def test_a_wrong_token_and_an_empty_expectation_do_not_match():
    assert not matches(presented("Bearer wrong"), DIGEST)
    assert not matches("", "")
