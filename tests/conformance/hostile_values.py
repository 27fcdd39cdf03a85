"""Hostile values: numbers, variables, environment files and words."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.case import Case
from tests.conformance.hostile_cases import HEAD, MIB, case, field, lines


def _variable_bomb(levels: int) -> dict[str, str | bytes]:
    rows = ["A0=aaaaaaaaaa\n", *(f"A{i}=${{A{i - 1}}}${{A{i - 1}}}\n" for i in range(1, levels))]
    return {".env": "".join(rows), "compose.yaml": f"{HEAD}    hostname: $A{levels - 1}\n"}


VALUES: dict[str, Callable[[], Case]] = {
    # numbers
    "number-of-many-digits": lambda: field("hostname: " + "9" * MIB),
    "count-of-many-digits": lambda: field("scale: " + "9" * 100_000),
    "quoted-count-of-many-digits": lambda: field(f'scale: "{"9" * 100_000}"'),
    "hexadecimal-of-many-digits": lambda: field("scale: 0x" + "f" * MIB),
    "underscores-in-great-number": lambda: field("scale: 1" + "_" * MIB),
    "exponent-beyond-floats": lambda: field("cpus: 1e999999999"),
    "fraction-of-many-digits": lambda: field("cpus: 0." + "1" * MIB),
    "replicas-beyond-memory": lambda: field("scale: 9223372036854775807"),
    "replicas-as-float": lambda: field("scale: 1e308"),
    "size-of-many-digits": lambda: field(f'mem_limit: "{"9" * 100_000}g"'),
    "size-with-exponent": lambda: field('mem_limit: "1e100000000g"'),
    "duration-of-many-digits": lambda: field(f"stop_grace_period: {'9' * 100_000}s"),
    "duration-of-many-parts": lambda: field("stop_grace_period: " + "1h" * 100_000),
    "gpu-count-of-many-digits": lambda: field(f'gpus: [{{count: "{"9" * 100_000}"}}]'),
    "mode-of-many-digits": lambda: case(
        f'{HEAD}    secrets: [{{source: s, mode: "{"7" * 100_000}"}}]\n'
        "secrets: {s: {file: x}}\n"
    ),
    "ports-of-the-whole-range": lambda: field("ports: ['1-65535']"),
    "ports-of-the-whole-range-many-times": lambda: field(
        "ports:\n" + lines("      - '127.0.%.1:1-65535:1-65535'\n", 255)
    ),
    "port-of-many-digits": lambda: field(f'ports: ["{"9" * 100_000}"]'),
    "port-of-many-colons": lambda: field(f'ports: ["{":" * MIB}"]'),
    "volume-of-many-colons": lambda: field(f'volumes: ["{"a:" * MIB}"]'),
    # interpolation
    "nested-defaults": lambda: field("hostname: '" + "${A:-" * 10_000 + "}" * 10_000 + "'"),
    "nested-defaults-unclosed": lambda: field("hostname: '" + "${A:-" * 10_000 + "'"),
    "dollars": lambda: field("hostname: '" + "$" * MIB + "'"),
    "open-braces": lambda: field("hostname: '" + "${" * 500_000 + "'"),
    "close-braces": lambda: field("hostname: '${A:-" + "}" * 500_000 + "'"),
    "substitutions-in-great-number": lambda: field("hostname: '" + "${A:-}" * 150_000 + "'"),
    "alternating-braces": lambda: field("hostname: '${A:-" + "{}" * 100_000 + "}'"),
    "names-in-great-number": lambda: field(
        "hostname: '" + "".join(f"$N{i}" for i in range(100_000)) + "'"
    ),
    "long-name": lambda: field("hostname: ${" + "A" * MIB + "}"),
    "long-value-many-times": lambda: case(
        {
            ".env": "A=" + "x" * MIB + "\n",
            "compose.yaml": f"{HEAD}    hostname: '{'$A' * 10_000}'\n",
        }
    ),
    "long-value-in-many-fields": lambda: case(
        {
            ".env": "A=" + "x" * MIB + "\n",
            "compose.yaml": f"{HEAD}    labels:\n" + lines("      k%: $A\n", 50_000),
        }
    ),
    "variables-that-double": lambda: case(_variable_bomb(60)),
    "variables-that-double-in-env-file": lambda: case(
        {
            "e": _variable_bomb(60)[".env"],
            "compose.yaml": f"{HEAD}    env_file: e\n",
        }
    ),
    "required-with-long-message": lambda: field("hostname: ${A?" + "x" * MIB + "}"),
    # dotenv
    "dotenv-of-many-lines": lambda: case({".env": lines("A%=1\n", 300_000), "compose.yaml": HEAD}),
    "dotenv-unclosed-quote": lambda: case({".env": 'A="' + "x\n" * MIB, "compose.yaml": HEAD}),
    "dotenv-quotes": lambda: case({".env": "A=" + "'\"" * MIB + "\n", "compose.yaml": HEAD}),
    "dotenv-backslashes": lambda: case({".env": 'A="' + "\\" * MIB + '"\n', "compose.yaml": HEAD}),
    "dotenv-nested-defaults": lambda: case(
        {".env": "A=" + "${B:-" * 10_000 + "}" * 10_000 + "\n", "compose.yaml": HEAD}
    ),
    "dotenv-carriage-returns": lambda: case({".env": "\r" * MIB + "A=1", "compose.yaml": HEAD}),
    # words
    "command-of-quotes": lambda: field('command: "' + "'" * MIB + '"'),
    "command-of-backslashes": lambda: field("command: '" + "\\" * MIB + "'"),
    "command-of-words": lambda: field("command: " + "a " * MIB),
    "command-of-substitutions": lambda: field("command: '" + "$$(" * 300_000 + "'"),
    "name-of-a-mebibyte": lambda: case("name: " + "a" * MIB + f"\n{HEAD}"),
    "service-name-of-a-mebibyte": lambda: case(f"services:\n  ? {'a' * MIB}\n  : {{image: x}}\n"),
    "host-entry-of-colons": lambda: field(f'extra_hosts: ["{":" * MIB}"]'),
    "build-ssh-of-equals": lambda: field(f'build: {{context: ., ssh: ["{"=" * MIB}"]}}'),
    "host-ip-of-a-mebibyte": lambda: field(f'ports: [{{target: 1, host_ip: "{"1." * MIB}"}}]'),
    "pull-policy-of-a-mebibyte": lambda: field("pull_policy: every_" + "1h" * 500_000 + "x"),
    "ends-before-a-document": lambda: case("...\n" * 100_000 + HEAD),
    "levels-by-aliases": lambda: case(
        "x-0: &a0 v\n"
        + "".join(f"x-{i}: &a{i} {'{k: ' * 95}*a{i - 1} {'}' * 95}\n" for i in range(1, 10))
        + HEAD
    ),
}
