from __future__ import annotations

import msgspec

from policyd.model import Finding


def test_a_finding_that_names_a_hook_is_about_its_service() -> None:
    answer = b'{"policy":"p","msg":"m","service":"web/pre_start/0","path":["services","web"]}'

    assert msgspec.json.decode(answer, type=Finding).service == "web"
    assert Finding("p", "m", service="nightly").service == "nightly"
