from __future__ import annotations

import json

from policyd.formats.json import escaped, render
from policyd.model import Location


def test_structs_and_mappings_are_indented_with_their_keys_in_order() -> None:
    assert render({"b": Location("compose.yaml", 1, 2), "a": ()}) == (
        '{\n  "b": {\n    "file": "compose.yaml",\n    "line": 1,\n    "column": 2\n  },\n'
        '  "a": []\n}\n'
    )


def test_characters_that_a_terminal_obeys_are_escaped_and_mean_the_same() -> None:
    text = "a\x1b\x7f\x9b\u202e\u2028\ufeffé"

    assert render([text]) == '[\n  "a\\u001b\\u007f\\u009b\\u202e\\u2028\\ufeffé"\n]\n'
    assert json.loads(render([text])) == [text]
    assert escaped('"\u200b"') == '"\\u200b"'
