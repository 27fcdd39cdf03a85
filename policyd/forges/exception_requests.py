"""The answer to a click on "Request exception": the documents for the policy set.

In: the repository and the commit of a check run. Out: Markdown with one document of kind Exception
for each policy that denies a project of the commit. Its reason and its approval are left to people.
Errors: AuditError.
"""

from __future__ import annotations

from typing import Final

from policyd.audit.event import event_of
from policyd.formats.exception_request import ExceptionRequest, request_text
from policyd.formats.report.markdown import escaped
from policyd.model import Source, Violation
from policyd.policies.exceptions import DAY
from policyd.services import Services

MAX_DECISIONS: Final = 200
MAX_DOCUMENTS: Final = 20
DAYS: Final = 30
"""The duration of the exception that the document asks for."""
REASON: Final = "Say here why the policy cannot be followed."


def exception_text(services: Services, repository: str, commit: str, actor: str) -> str:
    """Return the documents that ask to exempt what denies the projects of `commit`."""
    records = services.audit.decisions(
        MAX_DECISIONS, repository=repository, commit=commit, enforcement_point="forge"
    )
    found: dict[tuple[str, str], dict[Violation, None]] = {}
    source = Source(repository=repository)
    for event in map(event_of, records):
        source = Source(
            repository=repository,
            environment=event.input.review.source.environment,
            host=event.input.review.source.host,
        )
        for one in event.result.violations:
            if one.enforcement_action == "deny":
                found.setdefault((event.result.project, one.policy), {})[one] = None
    if not found:
        return "No policy denies this commit any more: run the check again."
    now = services.clock()
    documents = [
        request_text(
            ExceptionRequest(
                policy=policy,
                project=project,
                violations=list(violations),
                source=source,
                owner=actor or "unknown",
                reason=REASON,
                starts=now,
                expires=now + DAYS * DAY,
            )
        )
        for (project, policy), violations in list(found.items())[:MAX_DOCUMENTS]
    ]
    head = "Add a reason, and propose this change to the owners of the policy set:"
    return "\n\n".join([escaped(head), *(f"```yaml\n{text}```" for text in documents)])
