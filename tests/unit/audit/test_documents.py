from __future__ import annotations

import pytest
from sqlalchemy import text

from policyd.audit import documents
from policyd.errors import AuditError, NotFound

RULES = b"package gpu"


def test_a_document_that_is_not_there_is_not_found(store) -> None:
    with pytest.raises(NotFound, match="the audit log has no document sha256:00"):
        store.document("sha256:00")


@pytest.mark.parametrize(
    ("content", "fault"), [("x'78'", "is damaged"), ("x'789c030000000001'", "was changed")]
)
def test_a_document_that_was_changed_is_an_error(store, content: str, fault: str) -> None:
    digest = store.keep_document(RULES)
    with store.database.writing() as connection:
        connection.execute(text(f"UPDATE documents SET content = {content}"))

    with pytest.raises(AuditError) as caught:
        store.document(digest)
    assert str(caught.value) == f"the document {digest} of the audit log {fault}"
    assert digest == documents.digest_of(RULES)
