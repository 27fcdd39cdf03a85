from __future__ import annotations

import pytest

from policyd.formats import FORMATS
from policyd.formats.reviewed import Reviewed
from policyd.model import Decision, Status


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_each_format_names_source_and_ends_in_a_newline(name: str) -> None:
    shown = FORMATS[name].render(
        [Reviewed("some/path", Decision("1", True, Status(200, "OK", "")))]
    )

    assert "some/path" in shown
    assert shown.endswith("\n")
    assert not shown.endswith("\n\n")
