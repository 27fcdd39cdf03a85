"""SHA-256 has the digests that FIPS 180-4 gives, and OpenSSL is not loaded for it."""

from __future__ import annotations

import subprocess
import sys

from policyd.digests import sha256
from tests.support.isolation import unmeasured


def test_the_digest_is_that_of_sha_256() -> None:
    digest = sha256(b"a")
    digest.update(b"bc")

    assert digest.hexdigest() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_import_does_not_load_openssl() -> None:
    program = "import sys, policyd.digests; sys.exit('_hashlib' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], check=False, env=unmeasured())
    assert done.returncode == 0
