"""The registry client against a test server that misbehaves; a real one is in integration."""

from __future__ import annotations

import base64
import socket

import pytest

from policyd.config import Registry
from policyd.deadline import Deadline
from policyd.errors import ComposeError, RegistryError
from policyd.registry import client as client_module
from policyd.registry.artifact import sha256
from policyd.registry.client import RegistryClient
from policyd.registry.transport import Remote, RepositoryReader

YAML = b"services:\n  web:\n    image: nginx\n"
BLOB = sha256(YAML)
BLOB_PATH = f"/v2/demo/simple/blobs/{BLOB}"
BASIC = "Basic " + base64.b64encode(b"ci:pa55").decode()


@pytest.fixture
def server(registry):
    """A registry that holds one artifact: a Compose file."""
    registry.digest = registry.push({"compose.yaml": YAML.decode()})
    registry.manifest_path = f"/v2/demo/simple/manifests/{registry.digest}"
    return registry


@pytest.fixture
def client(server):
    return RegistryClient(Registry(url=f"http://{server.host}", insecure=True))


@pytest.fixture
def fetch(server):
    """A function that fetches the artifact, with settings of the registry changed."""

    def run(password: str = "", **changes) -> dict[str, bytes] | None:
        registry = Registry(url=f"http://{server.host}", insecure=True, **changes)
        return RegistryClient(registry, password).project_files("demo/simple", server.digest)

    return run


@pytest.fixture
def failure(fetch):
    def run(password: str = "", error: type[Exception] = RegistryError, **changes) -> str:
        with pytest.raises(error) as caught:
            fetch(password, **changes)
        return str(caught.value)

    return run


def test_an_artifact_is_fetched_by_digest(server, fetch):
    assert fetch() == {"compose.yaml": YAML}
    assert server.seen == [(server.manifest_path, ""), (BLOB_PATH, "")]


def test_a_manifest_that_is_no_project_is_none_and_none_of_its_blobs_is_fetched(server, client):
    digest = server.push({"compose.yaml": "services: {}"}, artifactType="application/vnd.helm")

    assert client.project_files("demo/simple", digest) is None
    assert server.seen == [(f"/v2/demo/simple/manifests/{digest}", "")]


@pytest.mark.parametrize(
    ("repository", "digest"),
    [("demo/../x", BLOB), ("demo", "sha256:abc"), ("demo?x", BLOB), ("demo", f"{BLOB}/..")],
)
def test_a_name_that_could_lead_elsewhere_is_never_asked_for(server, client, repository, digest):
    with pytest.raises(RegistryError, match="is not a valid reference to a manifest"):
        client.project_files(repository, digest)
    assert server.seen == []


def test_data_in_the_manifest_is_never_taken_for_the_blob(server, client):
    """Compose never does, so what stands there need not be what it runs."""
    forged = {
        "mediaType": "application/vnd.docker.compose.file+yaml",
        "digest": BLOB,
        "size": len(YAML),
        "data": base64.b64encode(b"services: {}\n").decode(),
    }
    digest = server.push({}, layers=[forged])

    assert client.project_files("demo/simple", digest) == {"compose.yaml": YAML}


@pytest.mark.parametrize("kind", ["manifest", "blob"])
def test_content_with_another_digest_is_refused(server, failure, kind):
    path = BLOB_PATH if kind == "blob" else server.manifest_path
    body = server.answers[path][2]
    server.answers[path] = (200, {}, body.replace(b"e", b"a", 1))

    assert failure(error=ComposeError) == (
        f"the {kind} from the registry does not match its digest {path.rpartition('/')[2]}"
    )


def test_a_blob_is_read_no_further_than_its_size(server, failure):
    server.answers[BLOB_PATH] = (200, {}, YAML * 1000)

    assert failure() == (f"{server.host} sent more than {len(YAML)} bytes for blobs/{BLOB}")


def test_a_manifest_is_read_no_further_than_its_limit(server, failure):
    server.answers[server.manifest_path] = (200, {}, b" " * (4 * 1024 * 1024 + 1))

    assert (
        failure() == f"{server.host} sent more than 4,194,304 bytes for manifests/{server.digest}"
    )


def test_no_request_allows_a_compressed_answer(server, fetch):
    fetch()

    assert server.encodings == ["identity", "identity"]


def test_a_compressed_answer_is_refused(server, failure):
    server.answers[BLOB_PATH] = (200, {"Content-Encoding": "gzip"}, YAML)

    assert failure().endswith("compressed, which was not requested")


def test_an_answer_that_breaks_off_is_an_error(server, failure):
    server.answers[BLOB_PATH] = (200, {"Content-Length": "99", "Connection": "close"}, YAML[:9])

    assert failure() == f"{server.host} closed the connection while sending blobs/{BLOB}"


def test_an_artifact_that_takes_too_long_is_an_error(failure, monkeypatch, server):
    monkeypatch.setattr(client_module, "TOTAL_TIMEOUT", -1.0)

    assert failure() == f"{server.host} took more than -1 s"


def test_a_redirect_on_the_same_host_is_followed(server, fetch):
    server.answers[BLOB_PATH] = (307, {"Location": "/storage/1"}, b"")
    server.answers["/storage/1"] = (200, {}, YAML)

    assert fetch() == {"compose.yaml": YAML}


@pytest.mark.parametrize("location", ["http://evil.example/x", "//evil.example/x", "file:///x"])
def test_a_redirect_to_another_host_is_refused(server, failure, location):
    server.answers[BLOB_PATH] = (307, {"Location": location}, b"")

    assert "redirects to" in failure()
    assert "only the configured host is allowed" in failure()


def test_redirects_end(server, failure):
    server.answers[BLOB_PATH] = (302, {"Location": BLOB_PATH}, b"")

    assert "redirects too often" in failure()
    assert len([path for path, _ in server.seen if path == BLOB_PATH]) == 4


@pytest.mark.parametrize("status", [404, 500, 503, 206])
def test_any_other_answer_is_an_error_that_names_it(server, failure, status):
    server.answers[server.manifest_path] = (status, {}, b"{}")

    assert failure() == (
        f"http://{server.host} answered {status} for demo/simple manifests/{server.digest}"
    )


def test_a_registry_that_is_not_there_is_an_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"

    client = RegistryClient(Registry(url=f"http://{host}", insecure=True))
    with pytest.raises(RegistryError) as caught:
        client.project_files("demo/simple", BLOB)
    assert str(caught.value) == f"{host} cannot be reached"


def test_a_registry_that_wants_basic_gets_the_configured_login(server, fetch):
    server.login, server.challenge = BASIC, 'Basic realm="test"'

    assert fetch("pa55", username="ci", password_file="x") == {"compose.yaml": YAML}
    assert [given for _, given in server.seen] == ["", BASIC, BASIC]


def test_a_login_that_is_wrong_is_an_error_without_the_password(server, failure):
    server.login, server.challenge = BASIC, 'Basic realm="test"'

    message = failure("wr0ng", username="ci", password_file="x")
    assert message == f"http://{server.host} answered 401 for demo/simple manifests/{server.digest}"


def test_without_a_login_a_registry_that_wants_one_is_an_error(server, failure):
    server.login, server.challenge = BASIC, 'Basic realm="test"'

    assert failure() == (
        f"http://{server.host} requires a login for demo/simple: set username and password_file"
    )


def test_a_registry_that_wants_a_token_gets_one_of_its_own_token_server(server, fetch):
    server.login = "Bearer abc"
    server.challenge = (
        f'Bearer realm="http://{server.host}/token",service="hub",scope="repository:evil:push"'
    )
    ask = "/token?service=hub&scope=repository%3Ademo%2Fsimple%3Apull"
    server.answers[ask] = (200, {}, b'{"token": "abc"}')

    assert fetch("pa55", username="ci", password_file="x") == {"compose.yaml": YAML}
    assert server.seen == [
        (server.manifest_path, ""),
        (ask, BASIC),
        (server.manifest_path, "Bearer abc"),
        (BLOB_PATH, "Bearer abc"),
    ]


def test_a_token_server_elsewhere_sees_the_password_only_when_it_is_configured(server, failure):
    server.login = "Bearer abc"
    server.challenge = 'Bearer realm="http://evil.example/token",service="hub"'

    assert failure("pa55", username="ci", password_file="x") == (
        f"{server.host} names evil.example as its token server: "
        "add that host to auth_hosts if it may receive the password"
    )


def test_a_token_server_that_is_configured_is_asked(server, fetch, start_registry):
    other = start_registry()
    server.login = "Bearer abc"
    server.challenge = f'Bearer realm="http://{other.host}/t",service="hub"'
    ask = "/t?service=hub&scope=repository%3Ademo%2Fsimple%3Apull"
    other.answers[ask] = (200, {}, b'{"access_token": "abc"}')

    assert fetch(auth_hosts=(other.host,)) == {"compose.yaml": YAML}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((403, {}, b"{}"), "answered 403 for a token"),
        ((302, {"Location": "http://evil.example/"}, b""), "answered 302 for a token"),
        ((200, {}, b"no JSON"), "sent a token that is not JSON"),
        ((200, {}, b"{}"), "sent no token"),
        ((200, {}, b'{"token": "a\\r\\nX: y"}'), "sent no token"),
        ((200, {}, b" " * 70_000), "sent more than 65,536 bytes for a token"),
    ],
)
def test_a_token_server_that_gives_no_token_is_an_error(server, failure, answer, reason):
    server.login = "Bearer abc"
    server.challenge = f'Bearer realm="http://{server.host}/token",service="hub"'
    server.answers["/token?service=hub&scope=repository%3Ademo%2Fsimple%3Apull"] = answer

    assert failure() == f"{server.host} {reason}"


def test_a_token_is_fetched_in_clear_only_where_that_is_configured(server):
    remote = Remote(Registry(url=f"https://{server.host}"))
    reader = RepositoryReader(remote, "demo/simple", Deadline(60), ())

    with pytest.raises(RegistryError, match="does not use https"):
        reader._token(f"http://{server.host}/token", "hub")


def test_a_netrc_is_never_read(server, fetch, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))

    fetch()
    assert {given for _, given in server.seen} == {""}
