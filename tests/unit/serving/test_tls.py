"""HTTPS of the real server, and files that cannot serve it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import requests

from policyd.config import Settings
from policyd.errors import ConfigError
from policyd.serving.tls import tls_options
from tests.conftest import wait_until


def make_certificate(
    folder: Path, name: str, authority: tuple[str, str] | None = None
) -> tuple[str, str]:
    """Return the paths of a new certificate for 127.0.0.1 and of its key.

    It is signed by `authority`, or by itself.
    """
    certificate, key = str(folder / f"{name}.crt"), str(folder / f"{name}.key")
    signer = ["-CA", authority[0], "-CAkey", authority[1]] if authority else []
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", f"basicConstraints=critical,CA:{'FALSE' if authority else 'TRUE'}"),
            *("-keyout", key, "-out", certificate),
            *signer,
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> tuple[str, str]:
    return make_certificate(tmp_path_factory.mktemp("server"), "server")


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> tuple[str, str]:
    return make_certificate(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def client(tmp_path_factory, authority) -> tuple[str, str]:
    return make_certificate(tmp_path_factory.mktemp("client"), "client", authority)


def answers(url: str, **options: object) -> bool:
    try:
        return requests.get(url, timeout=10, **options).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.slow
def test_the_webhook_answers_https_only(start_webhook, server) -> None:
    certificate, key = server
    webhook = start_webhook(
        wait=False, workers=1, tls_certificate_file=certificate, tls_key_file=key
    )
    url = webhook.url.replace("http:", "https:") + "/readyz"

    wait_until(lambda: answers(url, verify=certificate))

    assert not answers(f"{webhook.url}/readyz")


@pytest.mark.slow
def test_a_client_needs_a_certificate_of_the_authority(
    start_webhook, server, authority, client
) -> None:
    certificate, key = server
    webhook = start_webhook(
        wait=False,
        workers=1,
        tls_certificate_file=certificate,
        tls_key_file=key,
        tls_client_ca_file=authority[0],
    )
    url = webhook.url.replace("http:", "https:") + "/readyz"

    wait_until(lambda: answers(url, verify=certificate, cert=client))

    assert not answers(url, verify=certificate)
    assert not answers(url, verify=certificate, cert=server)


def test_no_certificate_means_no_tls() -> None:
    assert tls_options(Settings()) == {}


@pytest.mark.thorough
def test_files_that_cannot_serve_https_are_refused(tmp_path, server, client) -> None:
    certificate, key = server
    (tmp_path / "text").write_text("no certificate")
    text, gone = str(tmp_path / "text"), str(tmp_path / "gone")
    refused = {
        (certificate, "", ""): "tls_certificate_file and tls_key_file must be set together",
        ("", "", client[0]): "tls_client_ca_file needs tls_certificate_file and tls_key_file",
        (gone, key, ""): f"tls_certificate_file: cannot read {gone}",
        (certificate, gone, ""): f"tls_key_file: cannot read {gone}",
        (certificate, key, gone): f"tls_client_ca_file: cannot read {gone}",
        (certificate, client[1], ""): "tls_certificate_file, tls_key_file: "
        f"{certificate} and {client[1]} are not a certificate and its key without a password, "
        "as PEM files",
        (text, key, ""): "tls_certificate_file, tls_key_file: "
        f"{text} and {key} are not a certificate and its key without a password, as PEM files",
        (certificate, key, text): f"tls_client_ca_file: {text} has no certificates in a PEM file",
    }
    for (cert, private, authority), message in refused.items():
        with pytest.raises(ConfigError) as error:
            tls_options(
                Settings(
                    tls_certificate_file=cert,
                    tls_key_file=private,
                    tls_client_ca_file=authority,
                )
            )
        assert str(error.value) == message
