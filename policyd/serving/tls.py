"""TLS of the webhook.

In: settings. Out: the options of granian. Errors: ConfigError for files that cannot be used.
Clients need TLS 1.2 or newer; with `tls_client_ca_file`, they need a certificate of that authority.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from granian.constants import SSLProtocols

from policyd.config import Settings
from policyd.errors import ConfigError


def tls_options(settings: Settings) -> dict[str, Any]:
    """Return the options that make granian serve HTTPS; none without a certificate.

    Raises ConfigError for settings that do not fit together and for files that are not valid.
    """
    certificate, key = settings.tls_certificate_file, settings.tls_key_file
    authority = settings.tls_client_ca_file
    if bool(certificate) != bool(key):
        raise ConfigError("tls_certificate_file and tls_key_file must be set together")
    if not certificate:
        if authority:
            raise ConfigError("tls_client_ca_file needs tls_certificate_file and tls_key_file")
        return {}
    _check_files(certificate, key, authority)
    return {
        "ssl_cert": Path(certificate),
        "ssl_key": Path(key),
        "ssl_ca": Path(authority) if authority else None,
        "ssl_client_verify": bool(authority),
        "ssl_protocol_min": SSLProtocols.tls12,
    }


def _check_files(certificate: str, key: str, authority: str) -> None:
    for name, path in (
        ("tls_certificate_file", certificate),
        ("tls_key_file", key),
        ("tls_client_ca_file", authority),
    ):
        if path and not os.access(path, os.R_OK):
            raise ConfigError(f"{name}: cannot read {path}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"tls_certificate_file, tls_key_file: {certificate} and {key} are not a certificate "
            "and its key without a password, as PEM files"
        ) from error
    try:
        context.load_verify_locations(authority or certificate)
    except ssl.SSLError as error:
        raise ConfigError(
            f"tls_client_ca_file: {authority} has no certificates in a PEM file"
        ) from error
