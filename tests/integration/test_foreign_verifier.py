"""Tessera's fsck, which knows nothing of policyd, accepts the transparency log of a webhook."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import make_server

from policyd.bootstrap import build
from policyd.config import Settings
from policyd.transparency.note import Signer
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS
from tests.support.ledger import ORIGIN, SIGNER
from tests.unit.audit.conftest import pair

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_the_log_is_accepted_with_its_key_only(tmp_path: Path) -> None:
    # Not required in CI: fsck is installed there if the Go module proxy has it.
    program = shutil.which("fsck-tessera")
    if program is None:
        pytest.skip("there is no fsck-tessera on the PATH")
    private = SIGNER._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = tmp_path / "key.pem"
    key.touch(mode=0o600)
    key.write_bytes(private)
    settings = Settings(
        audit=str(tmp_path / "log.db"), audit_key_file=str(key), audit_origin=ORIGIN
    )
    services = build(settings)
    assert services.store
    for number in range(300):
        services.store.append_decision(*pair(f"d{number}", operation="CHECK"))
    app = create_app(services)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    other = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier

    def accepted(vkey: str) -> bool:
        public = tmp_path / "key.pub"
        public.write_text(vkey)
        done = subprocess.run(
            [
                "timeout", "20", program, f"--storage_url=http://127.0.0.1:{server.port}/log/",
                f"--public_key={public}", "--ui=false",
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        return done.returncode == 0 and "fsck'd log with size 300" in done.stderr

    try:
        assert accepted(SIGNER.verifier.vkey)
        assert not accepted(other.vkey)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions[PUSH_REVIEWS].close()
        services.close()
