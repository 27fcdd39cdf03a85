from __future__ import annotations

from policyd.formats.exception_request import ExceptionRequest, request_text
from policyd.model import Source, Violation
from policyd.policies.exceptions import DAY

VIOLATIONS = [
    Violation("p", "p", "deny", "high", "bad", "Fix it.", "web", ("services", "web", "gpus", 0)),
    Violation("p", "p", "deny", "high", "bad", "Fix it.", "web", ("services", "web", "gpus", 1)),
    Violation("p", "p", "deny", "high", "worse", "Fix it.", "", ("volumes", "x")),
]


def test_a_request_covers_exactly_the_violations_and_waits_for_an_approval() -> None:
    request = ExceptionRequest(
        "no-all-gpus", "My_App", VIOLATIONS, Source("ml/train"), "ml: infra", "because", 0, 30 * DAY
    )

    assert (
        request_text(request)
        == """\
---
# Ask the owners of the policy set to review this document and to add it. It does not
# load before they add `approvedBy`.
# bad
# worse
apiVersion: policyd/v1
kind: Exception
metadata:
  name: my-app-no-all-gpus
spec:
  policies:
  - no-all-gpus
  match:
    repositories:
    - ml/train
    projects:
    - My_App
    services:
    - web
    paths:
    - services/web/gpus/0
    - services/web/gpus/1
    - volumes/x
  starts: '1970-01-01T00:00:00Z'
  expires: '1970-01-31T00:00:00Z'
  owner: 'ml: infra'
  reason: because
"""
    )
