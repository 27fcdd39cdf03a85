from __future__ import annotations

import pytest

from policyd.config import ImageRegistry
from policyd.deadline import Deadline
from policyd.errors import RegistryError
from policyd.registry import transport
from policyd.registry.transport import Remote, RepositoryReader, is_listed
from tests.support.cases import cases


@cases(
    ("host", "expected"),
    [
        ("cdn.example", True),
        ("CDN.example", True),
        ("a.storage.example", True),
        ("a.b.storage.example", True),
        ("storage.example", False),
        ("evilstorage.example", False),
        ("a.storage.example:8443", False),
        ("me@a.storage.example", False),
        ("cdn.example:443", False),
        ("port.example:8443", True),
        ("", False),
    ],
)
def test_a_host_is_listed_by_its_name_or_by_the_domain_above(host: str, expected: bool) -> None:
    patterns = ("cdn.example", "*.storage.example", "port.example:8443")

    assert is_listed(host, patterns) is expected


def reader(url: str, deadline: Deadline, **changes) -> RepositoryReader:
    access = ImageRegistry(host="hub", url=url, **changes)
    remote = Remote(access, "pa55", access.redirect_hosts)
    return RepositoryReader(remote, "a", deadline, ("application/json",))


def test_no_request_is_made_after_the_deadline(registry) -> None:
    late = reader(f"http://{registry.host}", Deadline(-1), insecure=True)

    with pytest.raises(RegistryError, match=r"took more than -1 s$"):
        late.get("manifests/1", 10)
    assert registry.seen == []


def test_a_redirect_to_a_listed_host_must_use_https() -> None:
    strict = reader("https://hub", Deadline(60), redirect_hosts=("cdn.example",))

    assert strict._target("https://hub/v2/", "https://cdn.example/x") == "https://cdn.example/x"
    with pytest.raises(RegistryError) as caught:
        strict._target("https://hub/v2/", "http://cdn.example/x")
    assert str(caught.value) == "hub redirects to cdn.example without https"
    with pytest.raises(RegistryError) as caught:
        strict._target("https://hub/v2/", "https://169.254.169.254/x")
    assert str(caught.value) == (
        "hub redirects to 169.254.169.254; "
        "only the configured host and its redirect_hosts are allowed"
    )


def test_a_realm_with_a_query_of_its_own_keeps_it(registry) -> None:
    registry.login = "Bearer abc"
    registry.challenge = f'Bearer realm="http://{registry.host}/t?scope=repository:a:pull"'
    registry.answers["/t?scope=repository:a:pull"] = (200, {}, b'{"token": "abc"}')
    registry.answers["/v2/a/manifests/1"] = (200, {}, b"{}")

    with (
        Deadline(60) as deadline,
        reader(f"http://{registry.host}", deadline, insecure=True) as given,
    ):
        assert given.get("manifests/1", 10) == b"{}"


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_an_answer_that_does_not_end_is_an_error_and_never_an_empty_one(stalling, start) -> None:
    host = stalling(start)

    with (
        Deadline(0.5) as deadline,
        reader(f"http://{host}", deadline, insecure=True) as slow,
        pytest.raises(RegistryError) as caught,
    ):
        slow.get("manifests/1", 10_000_000)
    assert str(caught.value) == f"{host} took more than 0.5 s"


def test_a_server_without_tls_is_not_called_one_with_a_bad_certificate(registry) -> None:
    with (
        Deadline(60) as deadline,
        reader(f"https://{registry.host}", deadline) as plain,
        pytest.raises(RegistryError) as caught,
    ):
        plain.get("manifests/1", 10)
    assert str(caught.value) == f"{registry.host} does not use TLS: https:// cannot be used"


def test_a_server_that_says_nothing_does_not_answer_in_time(stalling, monkeypatch) -> None:
    monkeypatch.setattr(transport, "READ_TIMEOUT", 0.1)
    host = stalling(b"")

    with (
        Deadline(60) as deadline,
        reader(f"http://{host}", deadline, insecure=True) as silent,
        pytest.raises(RegistryError) as caught,
    ):
        silent.get("manifests/1", 10)
    assert str(caught.value) == f"{host} did not answer in time"


def test_urls_that_are_not_valid_are_errors_of_the_registry(registry) -> None:
    registry.login, registry.challenge = "x", 'Bearer realm="http://[x"'

    with (
        Deadline(60) as deadline,
        reader(f"http://{registry.host}", deadline, insecure=True) as one,
    ):
        with pytest.raises(RegistryError) as caught:
            one.get("manifests/1", 10)
        assert str(caught.value) == f"{registry.host} names an invalid URL of a token server"
        with pytest.raises(RegistryError) as caught:
            one._target("http://x/", "http://[x")
        assert str(caught.value) == f"{registry.host} redirects to an invalid URL"
