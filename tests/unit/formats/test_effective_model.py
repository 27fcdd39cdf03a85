from __future__ import annotations

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.formats.effective_model import compose_json, review_json


def test_the_model_is_indented_json_with_control_characters_escaped() -> None:
    project = load(
        memory_bundle(
            {"compose.yaml": b'name: a\nservices: {web: {image: x, user: "\\u202e\xc3\xa9"}}\n'}
        )
    )

    assert (
        compose_json(project)
        == """\
{
  "name": "a",
  "services": {
    "web": {
      "image": "x",
      "user": "\\u202eé",
      "networks": {
        "default": null
      },
      "command": null,
      "entrypoint": null
    }
  },
  "networks": {
    "default": {
      "name": "a_default",
      "ipam": {}
    }
  }
}
"""
    )


def test_the_input_of_policies_keeps_its_order_and_integers_of_any_size() -> None:
    assert review_json(b'{"b":123456789012345678901234567890,"a":"\xc3\xa9"}') == (
        '{\n  "b": 123456789012345678901234567890,\n  "a": "é"\n}\n'
    )
