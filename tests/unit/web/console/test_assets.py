from __future__ import annotations

import hashlib

from policyd.web.console.assets import ASSETS


def test_the_address_of_a_file_changes_with_its_content(client) -> None:
    assert {*ASSETS} == {"console.css", "console.js"}
    for asset in ASSETS.values():
        answer = client.get(asset.address)
        assert asset.address.endswith(hashlib.sha256(answer.data).hexdigest()[:16])
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"


def test_other_files_are_not_served(client) -> None:
    assert client.get("/console/static/..%2fassets.py").status_code == 404
