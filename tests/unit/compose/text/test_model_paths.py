"""A path of the model is written as people write it."""

from __future__ import annotations

from policyd.compose.text.model_paths import dotted
from policyd.masking import visible
from tests.support.cases import cases


@cases(
    ("path", "text"),
    [
        ((), ""),
        (("services", "web", "ports", 0, "target"), "services.web.ports[0].target"),
        (("services", "a-b.c_d"), "services.a-b.c_d"),
        (("services", "a b", "image"), "services['a b'].image"),
        (("services", "a\n"), "services['a\\n']"),
        (("services", ""), "services['']"),
    ],
)
def test_a_path_as_text(path: tuple[str | int, ...], text: str) -> None:
    assert visible(dotted(path)) == text
