"""Mark comments, strings, numbers and keywords in Rego, for a page.

In: text in Rego; it need not be valid. Out: HTML in which every character is escaped, with classes
of the style sheet. The time is proportional to the length of the text. Source: OPA, "Policy
Reference", Grammar.
"""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup

_KEYWORDS: Final = (
    "package", "import", "as", "default", "if", "contains", "else", "some", "every", "in", "not",
    "with", "true", "false", "null",
)  # fmt: skip
_TOKEN: Final = re.compile(
    r"(?P<comment>#[^\n]*)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*"?|`[^`]*`?)'
    rf"|(?P<keyword>(?<![\w.])(?:{'|'.join(_KEYWORDS)})(?![\w]))"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>\d+(?:\.\d+)?)"
)
_MARKED: Final = {"comment": "hl-comment", "string": "hl-string", "keyword": "hl-keyword",
                  "number": "hl-number"}  # fmt: skip


def rego(text: str) -> Markup:
    """Return `text` as HTML."""
    parts: list[Markup] = []
    end = 0
    for token in _TOKEN.finditer(text):
        name = _MARKED.get(token.lastgroup or "")
        if name is None:
            continue
        parts.append(Markup("{}<span class={}>{}</span>").format(
            text[end : token.start()], name, token[0]
        ))  # fmt: skip
        end = token.end()
    parts.append(Markup("{}").format(text[end:]))
    return Markup("").join(parts)
