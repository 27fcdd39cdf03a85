from __future__ import annotations

from policyd.web.console.highlighting import rego
from tests.support.cases import cases


@cases(
    "text,expected",
    [
        ("# if <b>\nx", "<span class=hl-comment># if &lt;b&gt;</span>\nx"),
        (
            'x := "a # \\" if" if true',
            "x := <span class=hl-string>&#34;a # \\&#34; if&#34;</span> "
            "<span class=hl-keyword>if</span> <span class=hl-keyword>true</span>",
        ),
        ("`raw\n# if`", "<span class=hl-string>`raw\n# if`</span>"),
        ("input.if iffy not_in 1.5", "input.if iffy not_in <span class=hl-number>1.5</span>"),
        ('"open\nif', "<span class=hl-string>&#34;open</span>\n<span class=hl-keyword>if</span>"),
        ("</pre><script>", "&lt;/pre&gt;&lt;script&gt;"),
        ("x1 := 1", "x1 := <span class=hl-number>1</span>"),
    ],
)
def test_only_comments_strings_numbers_and_keywords_are_marked(text: str, expected: str) -> None:
    assert rego(text) == expected


def test_a_long_text_takes_time_in_proportion_to_its_length() -> None:
    assert rego("`" * 20_001 + '"\\' * 10_000).count("<span") < 20_001
