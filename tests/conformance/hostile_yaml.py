"""Hostile YAML: aliases, depth, size and encodings."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.case import Case
from tests.conformance.hostile_cases import HEAD, MIB, case, field, lines


def _alias_bomb(levels: int, width: int, opening: str = "[", closing: str = "]") -> str:
    rows = [f"x-0: &a0 {opening}k: v{closing}\n" if opening == "{" else "x-0: &a0 [v]\n"]
    for level in range(1, levels):
        inner = [f"*a{level - 1} "] * width
        body = ", ".join(
            f"k{i}: {alias}" if opening == "{" else alias for i, alias in enumerate(inner)
        )
        rows.append(f"x-{level}: &a{level} {opening}{body}{closing}\n")
    return "".join(rows) + HEAD


def _merge_bomb(levels: int, width: int) -> str:
    rows = ["x-0: &a0 {k: v}\n"]
    for level in range(1, levels):
        aliases = ", ".join(f"*a{level - 1} " for _ in range(width))
        rows.append(f"x-{level}: &a{level}\n  <<: [{aliases}]\n  k{level}: v\n")
    return "".join(rows) + HEAD


YAML: dict[str, Callable[[], Case]] = {
    # aliases and merge keys
    "alias-bomb-lists": lambda: case(_alias_bomb(10, 9)),
    "alias-bomb-mappings": lambda: case(_alias_bomb(10, 9, "{", "}")),
    "alias-bomb-pairs": lambda: case(_alias_bomb(40, 2)),
    "alias-bomb-merge-keys": lambda: case(_merge_bomb(40, 9)),
    "alias-bomb-across-documents": lambda: case(_alias_bomb(10, 9).replace("x-5", "---\nx-5", 1)),
    "alias-bomb-included": lambda: case(
        {"compose.yaml": "include: [b.yaml]\n", "b.yaml": _alias_bomb(10, 9)}
    ),
    "alias-bomb-extended": lambda: case(
        {
            "compose.yaml": "services: {b: {extends: {service: a, file: b.yaml}}}\n",
            "b.yaml": _alias_bomb(10, 9),
        }
    ),
    "alias-of-long-text": lambda: case(
        f"x-a: &a {'v' * MIB}\n{HEAD}    labels:\n" + lines("      k%: *a\n", 20_000)
    ),
    "alias-of-itself": lambda: case(f"x-a: &a [*a]\n{HEAD}"),
    "alias-of-parent-in-mapping": lambda: case(f"x-a: &a\n  b: {{c: *a }}\n{HEAD}"),
    "merge-of-itself": lambda: case(f"x-a: &a\n  <<: *a\n{HEAD}"),
    "anchors-in-great-number": lambda: case("x-a:\n" + lines("  - &a% v\n", 150_000) + HEAD),
    # depth
    "deep-flow-lists": lambda: case(f"x-a: {'[' * 10_000}{']' * 10_000}\n{HEAD}"),
    "deep-flow-mappings": lambda: case(f"x-a: {'{a: ' * 10_000}1{'}' * 10_000}\n{HEAD}"),
    "deep-json": lambda: case('{"x-a":' * 10_000 + "1" + "}" * 10_000),
    "deep-block-lists": lambda: case(f"x-a:\n  {'- ' * 10_000}v\n{HEAD}"),
    "deep-block-mappings": lambda: case("".join(f"{' ' * i}x-a:\n" for i in range(2_500)) + HEAD),
    "deep-complex-keys": lambda: case(f"{'? ' * 10_000}v\n"),
    "deep-unclosed-lists": lambda: case("[" * 1_000_000),
    "deep-unclosed-mappings": lambda: case("{a: " * 500_000),
    "deep-in-a-second-document": lambda: case(f"{HEAD}---\nx-a: {'[' * 10_000}{']' * 10_000}\n"),
    "deep-through-aliases": lambda: case(
        "x-0: &a0 [v]\n" + "".join(f"x-{i}: &a{i} [*a{i - 1} ]\n" for i in range(1, 5_000)) + HEAD
    ),
    # what only the slow parser reads
    "slow-deep-lists": lambda: case("x-a: [&a` b, " + "[" * 30_000 + "\n"),
    "slow-deep-mappings": lambda: case("x-a: {&a` b: " + "{a: " * 12_000 + "\n"),
    "slow-deep-possible-key": lambda: case("{" + "a: {" * 15_000 + "}" * 10 + ": v\n"),
    "slow-many-items": lambda: case("x-a: [&a` b" + ", b" * 20_000 + "]\n" + HEAD),
    "slow-many-keys": lambda: case("x-a: &a`\n" + lines("  k%: v\n", 5_000) + HEAD),
    "slow-long-text": lambda: case("x-a: &a` " + "b c " * 15_000 + "\n" + HEAD),
    "slow-long-quotes": lambda: case('x-a: &a` "' + "\\'b " * 12_000 + '"\n' + HEAD),
    "slow-many-lines": lambda: case("x-a: &a`\n" + "\n" * 60_000 + HEAD),
    "slow-many-anchors": lambda: case("x-a:\n" + lines("  - &`% v\n", 4_000) + HEAD),
    "slow-many-documents": lambda: case("x-a: &a` v\n" + "---\nx-a: v\n" * 90),
    "slow-long-key": lambda: case("x-a: &a` v\n" + "k" * 60_000 + ": v\n" + HEAD),
    "slow-many-possible-keys": lambda: case("x-a: &a` v\n" + "b\n" * 30_000),
    # size
    "million-keys": lambda: field("labels:\n" + lines("      k%: v\n", 1_000_000)),
    "many-keys-in-four-mebibytes": lambda: field("labels:\n" + lines("      k%: v\n", 250_000)),
    "many-items-in-four-mebibytes": lambda: field("cap_add: [" + "A," * 1_900_000 + "]"),
    "many-empty-items": lambda: case("x-a:\n" + " -\n" * 1_300_000 + HEAD),
    "same-key-many-times": lambda: field("labels:\n" + "      k: v\n" * 200_000),
    "hundred-megabyte-scalar": lambda: field("hostname: " + "x" * 100 * MIB),
    "four-mebibyte-scalar": lambda: field("hostname: " + "x" * (4 * MIB - 100)),
    "four-mebibyte-key": lambda: field("labels: {? " + "x" * (3 * MIB) + " : v}"),
    "four-mebibyte-tag": lambda: field("hostname: !" + "x" * (3 * MIB) + " v"),
    "four-mebibyte-anchor": lambda: field("hostname: &" + "x" * (3 * MIB) + " v"),
    "four-mebibytes-of-blank-lines": lambda: case("\n" * (4 * MIB - 100) + HEAD),
    "four-mebibytes-of-comment": lambda: case("#" * (4 * MIB - 100) + "\n" + HEAD),
    "four-mebibytes-of-tabs": lambda: case("\t" * (4 * MIB - 100) + HEAD),
    "documents-in-great-number": lambda: case(f"{HEAD}---\n" * 50_000),
    "small-documents-that-append": lambda: case(
        f"{HEAD}    security_opt:\n"
        + "---\n".join(f"services: {{a: {{security_opt: [k{i}]}}}}\n" for i in range(5_000))
    ),
    "tag-directives": lambda: case(
        "".join(f"%TAG !e{i}! tag:x,{i}:\n" for i in range(50_000)) + "---\n" + HEAD
    ),
    "services-in-great-number": lambda: case("services:\n" + lines("  s%: {image: x}\n", 90_000)),
    "networks-in-great-number": lambda: case(HEAD + "networks:\n" + lines("  n%:\n", 90_000)),
    "files-in-great-number": lambda: case(
        {f"f{i}.yaml": HEAD for i in range(2_000)}, files=[f"f{i}.yaml" for i in range(2_000)]
    ),
    # encodings
    "nul-byte": lambda: case(HEAD + "    hostname: a\x00b\n"),
    "only-nul-bytes": lambda: case("\x00" * 1_000),
    "invalid-utf-8": lambda: case(HEAD.encode() + b"    hostname: \xff\xfe\xc3\x28\n"),
    "overlong-utf-8": lambda: case(HEAD.encode() + b"    hostname: \xc0\xaf\n"),
    "surrogate-in-utf-8": lambda: case(HEAD.encode() + b"    hostname: \xed\xa0\x80\n"),
    "surrogate-escape": lambda: field('hostname: "\\ud800"'),
    "escape-beyond-unicode": lambda: field('hostname: "\\U00110000"'),
    "half-a-utf-16-character": lambda: case(b"\xff\xfea\x00b"),
    "utf-32": lambda: case(HEAD.encode("utf-32")),
    "only-a-byte-order-mark": lambda: case(b"\xef\xbb\xbf"),
    "invalid-utf-8-in-env-file": lambda: case(
        {"compose.yaml": f"{HEAD}    env_file: e\n", "e": b"A=\xff\xfe\n\xc3\x28=1\n"}
    ),
    "invalid-utf-8-in-dotenv": lambda: case({"compose.yaml": HEAD, ".env": b"A=\xff\nB\xff=1\n"}),
    "nul-in-env-file": lambda: case(
        {"compose.yaml": f"{HEAD}    env_file: e\n", "e": b"A=a\x00b\n"}
    ),
}
