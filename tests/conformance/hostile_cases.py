"""Functions that build hostile projects."""

from __future__ import annotations

from tests.conformance.case import Case

MIB = 1024 * 1024
HEAD = "services:\n  a:\n    image: x\n"
TRIGGERED = "image: x\n    triggers: {manual: true}"


def case(texts: dict[str, str | bytes] | str | bytes, **options: object) -> Case:
    if not isinstance(texts, dict):
        texts = {"compose.yaml": texts}
    contents = {k: v if isinstance(v, bytes) else v.encode() for k, v in texts.items()}
    return Case(name="hostile/case", files=contents, options=options)


def field(text: str) -> Case:
    """Return a service with one more field; further lines of `text` bring their indentation."""
    return case(f"{HEAD}    {text}\n")


def lines(template: str, count: int) -> str:
    return "".join(template.replace("%", str(i)) for i in range(count))


def dag(layers: int) -> str:
    """Return a ladder of services, in which 2**layers paths of dependencies lead down."""
    rows = ["services:\n"]
    for layer in range(layers):
        for side in "ab":
            below = f"    depends_on: [a{layer + 1}, b{layer + 1}]\n" if layer + 1 < layers else ""
            rows.append(f"  {side}{layer}:\n    image: x\n{below}")
    return "".join(rows)


def chain(key: str, length: int) -> str:
    rows = ["services:\n"]
    for i in range(length):
        link = key.replace("%", f"s{i + 1}")
        rows.append(f"  s{i}:\n    image: x\n" + (f"    {link}\n" if i + 1 < length else ""))
    return "".join(rows)
