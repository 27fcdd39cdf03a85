"""Hostile projects: includes, paths, merging, and small things that multiply."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.case import Case
from tests.conformance.hostile_cases import HEAD, MIB, case, chain, dag, field, lines


def _include_tree(levels: int, width: int) -> Case:
    files: dict[str, str | bytes] = {}
    for level in range(levels):
        name = f"f{level}.yaml" if level else "compose.yaml"
        files[name] = f"include: [{', '.join([f'f{level + 1}.yaml'] * width)}]\n{HEAD}"
    files[f"f{levels}.yaml"] = HEAD
    return case(files)


def _subnets(count: int) -> Case:
    texts = [
        "networks:\n  n:\n    ipam:\n      config:\n"
        + lines(f"        - subnet: {prefix}.%\n", count)
        for prefix in ("a", "b")
    ]
    body = f"{HEAD}    networks: [n]\n"
    return case({"a.yaml": body + texts[0], "b.yaml": texts[1]}, files=["a.yaml", "b.yaml"])


PROJECTS: dict[str, Callable[[], Case]] = {
    # include, extends, paths
    "include-itself": lambda: case(f"include: [compose.yaml]\n{HEAD}"),
    "include-circle": lambda: case(
        {"compose.yaml": "include: [b.yaml]\n", "b.yaml": "include: [compose.yaml]\n"}
    ),
    "include-circle-through-second-path": lambda: case(
        {"compose.yaml": f"include: [{{path: [b.yaml, compose.yaml]}}]\n{HEAD}", "b.yaml": HEAD}
    ),
    "include-circle-by-other-spelling": lambda: case(
        f"include: [{{path: [./sub/../compose.yaml]}}]\n{HEAD}"
    ),
    "include-circle-through-folders": lambda: case(
        {
            "compose.yaml": "include: [sub/b.yaml]\n",
            "sub/b.yaml": "include: [{path: [c.yaml, ../compose.yaml]}]\n",
            "sub/c.yaml": HEAD,
        }
    ),
    "include-chain": lambda: _include_tree(900, 1),
    "include-tree": lambda: _include_tree(15, 3),
    "include-wide": lambda: case(
        {"compose.yaml": "include: [" + "b.yaml, " * 20_000 + "]\n", "b.yaml": HEAD}
    ),
    "extends-itself": lambda: case("services: {a: {image: x, extends: a}}\n"),
    "extends-circle": lambda: case("services: {a: {extends: b}, b: {extends: a}}\n"),
    "extends-circle-over-files": lambda: case(
        {
            "compose.yaml": "services: {a: {extends: {service: b, file: b.yaml}}}\n",
            "b.yaml": "services: {b: {extends: {service: a, file: compose.yaml}}}\n",
        }
    ),
    "extends-chain": lambda: case(chain("extends: %", 10_000)),
    "extends-of-one-file-many-times": lambda: case(
        {
            "compose.yaml": "services:\n"
            + lines("  s%: {extends: {service: a, file: b.yaml}}\n", 1_900),
            "b.yaml": HEAD + "x-a:\n" + lines("  - v%\n", 50_000),
        }
    ),
    "include-outside": lambda: case("include: [../../etc/passwd]\n"),
    "include-absolute": lambda: case("include: [/etc/passwd]\n"),
    "extends-outside": lambda: case(
        "services: {a: {extends: {service: a, file: ../../../etc/passwd}}}\n"
    ),
    "env-file-outside": lambda: field("env_file: ../../etc/passwd"),
    "env-file-absolute": lambda: field("env_file: /proc/self/environ"),
    "env-file-endless": lambda: field("env_file: /dev/zero"),
    "env-file-is-a-folder": lambda: field("env_file: ."),
    "label-file-absolute": lambda: field("label_file: /etc/hostname"),
    "path-with-nul": lambda: field('env_file: "a\\0b"'),
    "include-with-nul": lambda: case('include: ["a\\0b"]\n'),
    "path-of-a-mebibyte": lambda: field("env_file: " + "x/" * 500_000 + "y"),
    "path-with-many-parents": lambda: field("env_file: " + "../" * 500_000 + "y"),
    "variables-in-include": lambda: case("include: ['${A:-/etc/passwd}']\n"),
    # merging and graphs
    "merge-key-with-many-mappings": lambda: case(
        "x-a: &a {" + ", ".join(f"k{i}: v" for i in range(2_000)) + "}\n"
        f"{HEAD}    labels:\n      <<: [{', '.join(['*a '] * 2_000)}]\n"
    ),
    "unique-items-in-great-number": lambda: field(
        "security_opt:\n" + lines("      - k%\n", 95_000)
    ),
    "unique-mappings-in-great-number": lambda: field(
        "ports:\n" + lines("      - {target: 80, published: '%'}\n", 19_000)
    ),
    "environment-in-great-number": lambda: case(
        {
            "a.yaml": HEAD + "    environment:\n" + lines("      - K%=1\n", 90_000),
            "b.yaml": HEAD + "    environment:\n" + lines("      - K%=2\n", 90_000),
        },
        files=["a.yaml", "b.yaml"],
    ),
    "extra-hosts-in-great-number": lambda: case(
        {
            "a.yaml": HEAD + "    extra_hosts:\n" + lines("      - h%=1.1.1.1\n", 40_000),
            "b.yaml": HEAD + "    extra_hosts:\n" + lines("      - h%=2.2.2.2\n", 40_000),
        },
        files=["a.yaml", "b.yaml"],
    ),
    "subnets-in-great-number": lambda: _subnets(20_000),
    "volumes-in-great-number": lambda: field("volumes:\n" + lines("      - ./a:/v%\n", 90_000)),
    "devices-in-great-number": lambda: field("devices:\n" + lines("      - /dev/a:/d%\n", 90_000)),
    "depends-on-ladder": lambda: case(dag(60)),
    "depends-on-chain": lambda: case(chain("depends_on: [%]", 1_900)),
    "depends-on-everything": lambda: case(
        "services:\n"
        + "".join(
            f"  s{i}: {{image: x, depends_on: [{', '.join(f's{j}' for j in range(i))}]}}\n"
            for i in range(400)
        )
    ),
    "resets-in-great-number": lambda: case(
        {
            "a.yaml": HEAD + "    labels:\n" + lines("      k%: v\n", 40_000),
            "b.yaml": HEAD + "    labels:\n" + lines("      k%: !reset null\n", 40_000),
        },
        files=["a.yaml", "b.yaml"],
    ),
    "reset-of-stars": lambda: case(
        {
            "a.yaml": HEAD + "    labels:\n" + lines("      k%: v\n", 20_000),
            "b.yaml": 'services: {"*": {labels: {"*": !reset null}}}\n',
        },
        files=["a.yaml", "b.yaml"],
    ),
    "profiles-in-great-number": lambda: field("profiles:\n" + lines("      - p%\n", 90_000)),
    # small things that multiply
    "port-ranges-in-great-number": lambda: case(
        "services:\n" + lines('  s%: {image: x, ports: ["1-9999"]}\n', 200)
    ),
    "env-file-of-many-services": lambda: case(
        {
            "compose.yaml": "services:\n" + lines("  s%: {image: x, env_file: [e]}\n", 300),
            "e": lines("V%=1\n", 5_000),
        }
    ),
    "env-file-of-lines": lambda: case({"compose.yaml": HEAD, ".env": "A=\n" * MIB}),
    "env-file-of-many-includes": lambda: case(
        {
            "compose.yaml": "include:\n" + lines("  - {path: o.yaml, env_file: e}\n", 3_000),
            "o.yaml": HEAD,
            "e": "A=\n" * 20_000,
        }
    ),
    "label-files-in-great-number": lambda: case(
        {
            "compose.yaml": "services:\n"
            + lines(f"  s%: {{image: x, label_file: [{', '.join(['l'] * 50)}]}}\n", 300),
            "l": lines("L%=1\n", 100),
        }
    ),
    "env-files-named-often": lambda: case(
        {"compose.yaml": HEAD, "e": "A=1\n" * 100}, env_files=["e"] * 20_000
    ),
    "large-service-extended-often": lambda: case(
        "services:\n  b:\n    image: x\n    environment:\n"
        + lines("      V%: v\n", 5_000)
        + lines("  s%: {extends: b}\n", 1_000)
    ),
    "large-file-overridden-often": lambda: case(
        f"{HEAD}    environment:\n"
        + lines("      V%: v\n", 20_000)
        + lines("---\nservices: {a: {image: x%}}\n", 99)
    ),
    "compose-file-named-often": lambda: case(
        {"compose.yaml": HEAD, ".env": "COMPOSE_FILE=" + "compose.yaml:" * 300_000}
    ),
    "compose-file-of-separators": lambda: case(
        {"compose.yaml": HEAD, ".env": "COMPOSE_PATH_SEPARATOR=a\nCOMPOSE_FILE=" + "a" * 3 * MIB}
    ),
    "profiles-of-the-environment": lambda: case(
        {
            "compose.yaml": f"{HEAD}    profiles: [{', '.join(f'q{i}' for i in range(9_000))}]\n",
            ".env": "COMPOSE_PROFILES=" + lines("p%,", 300_000),
        },
        profiles=[],
    ),
    "pools-of-many-networks": lambda: case(
        {
            f"{name}.yaml": f"{HEAD}networks:\n"
            + lines(
                "  n%: {ipam: {config: ["
                + ", ".join(f"{{subnet: 10.{second}.{third}.0/24}}" for third in range(10))
                + "]}}\n",
                2_000,
            )
            for second, name in enumerate("ab")
        },
        files=["a.yaml", "b.yaml"],
    ),
    "resets-below-many-levels": lambda: case(
        f"{HEAD}x-a: " + "{k: " * 90 + "{" + lines("k%: !reset 1, ", 20_000) + "}" + "}" * 90
    ),
    "variable-of-a-text-used-often": lambda: case(
        f'x-a: &a "${{NO}}"\n{HEAD}    command: [{", ".join(["*a "] * 9_000)}]\n'
    ),
    "variables-of-a-text-used-often": lambda: case(
        f'x-a: &a "{lines("${NO%}", 1_000)}"\n{HEAD}    command: [{", ".join(["*a "] * 900)}]\n'
    ),
    "commands-by-alias": lambda: case(
        'x-a: &a "' + "'" * (MIB // 2) + '"\nservices:\n' + lines("  s%: {command: *a }\n", 7)
    ),
    "dollars-by-alias": lambda: case(
        'x-a: &a "' + "$$" * (MIB // 4) + '"\nservices:\n' + lines("  s%: {hostname: *a }\n", 7)
    ),
    "host-addresses": lambda: field(f'extra_hosts: ["a={"1," * MIB}"]'),
    "duration-of-a-mebibyte": lambda: field(f'stop_grace_period: "{"1s" * MIB}"'),
    "name-of-variables": lambda: case('name: "' + "${A:-x}" * 500_000 + f'"\n{HEAD}'),
}
