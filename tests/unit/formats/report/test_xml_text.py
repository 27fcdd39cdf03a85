from __future__ import annotations

from policyd.formats.report.xml_text import attributes


def test_values_are_escaped_and_made_visible() -> None:
    assert attributes(a='<">&', b="x\ny\x00", c=3) == (
        ' a="&lt;&quot;&gt;&amp;" b="x\\ny\\x00" c="3"'
    )
