"""Projects made to stall, crash or mislead a loader.

`HOSTILE` maps a name to a function that builds the case, so that the large ones exist only while
they are used. Most must be refused; a few are only large.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.case import Case

MIB = 1024 * 1024
_HEAD = "services:\n  a:\n    image: x\n"
_TRIGGERED = "image: x\n    triggers: {manual: true}"


def _case(texts: dict[str, str | bytes] | str | bytes, **options: object) -> Case:
    if not isinstance(texts, dict):
        texts = {"compose.yaml": texts}
    contents = {k: v if isinstance(v, bytes) else v.encode() for k, v in texts.items()}
    return Case(name="hostile/case", files=contents, options=options)


def _field(text: str) -> Case:
    """Return a service with one more field, whose indentation is that of a service's key."""
    return _case(f"{_HEAD}    {text}\n")


def _lines(template: str, count: int) -> str:
    return "".join(template.replace("%", str(i)) for i in range(count))


def _alias_bomb(levels: int, width: int, opening: str = "[", closing: str = "]") -> str:
    rows = [f"x-0: &a0 {opening}k: v{closing}\n" if opening == "{" else "x-0: &a0 [v]\n"]
    for level in range(1, levels):
        inner = [f"*a{level - 1} "] * width
        body = ", ".join(
            f"k{i}: {alias}" if opening == "{" else alias for i, alias in enumerate(inner)
        )
        rows.append(f"x-{level}: &a{level} {opening}{body}{closing}\n")
    return "".join(rows) + _HEAD


def _merge_bomb(levels: int, width: int) -> str:
    rows = ["x-0: &a0 {k: v}\n"]
    for level in range(1, levels):
        aliases = ", ".join(f"*a{level - 1} " for _ in range(width))
        rows.append(f"x-{level}: &a{level}\n  <<: [{aliases}]\n  k{level}: v\n")
    return "".join(rows) + _HEAD


def _include_tree(levels: int, width: int) -> Case:
    files: dict[str, str | bytes] = {}
    for level in range(levels):
        name = f"f{level}.yaml" if level else "compose.yaml"
        files[name] = f"include: [{', '.join([f'f{level + 1}.yaml'] * width)}]\n{_HEAD}"
    files[f"f{levels}.yaml"] = _HEAD
    return _case(files)


def _dag(layers: int) -> str:
    """Return a ladder of services: from each there are two ways down, 2**layers in all."""
    rows = ["services:\n"]
    for layer in range(layers):
        for side in "ab":
            below = f"    depends_on: [a{layer + 1}, b{layer + 1}]\n" if layer + 1 < layers else ""
            rows.append(f"  {side}{layer}:\n    image: x\n{below}")
    return "".join(rows)


def _chain(key: str, length: int) -> str:
    rows = ["services:\n"]
    for i in range(length):
        link = key.replace("%", f"s{i + 1}")
        rows.append(f"  s{i}:\n    image: x\n" + (f"    {link}\n" if i + 1 < length else ""))
    return "".join(rows)


def _variable_bomb(levels: int) -> dict[str, str | bytes]:
    rows = ["A0=aaaaaaaaaa\n", *(f"A{i}=${{A{i - 1}}}${{A{i - 1}}}\n" for i in range(1, levels))]
    return {".env": "".join(rows), "compose.yaml": f"{_HEAD}    hostname: $A{levels - 1}\n"}


def _subnets(count: int) -> Case:
    texts = [
        "networks:\n  n:\n    ipam:\n      config:\n"
        + _lines(f"        - subnet: {prefix}.%\n", count)
        for prefix in ("a", "b")
    ]
    body = f"{_HEAD}    networks: [n]\n"
    return _case({"a.yaml": body + texts[0], "b.yaml": texts[1]}, files=["a.yaml", "b.yaml"])


def _two_lists(key: str, row: str, count: int) -> Case:
    """Return two files whose lists below `key` of one service have `count` different items each."""
    texts = [
        f"{_HEAD}    {key}:\n" + _lines(f"      - {row}\n".replace("%", f"{prefix}%"), count)
        for prefix in "ab"
    ]
    return _case({"a.yaml": texts[0], "b.yaml": texts[1]}, files=["a.yaml", "b.yaml"])


def _jobs(text: str, head: str = _HEAD) -> Case:
    """Return a project whose jobs are `text`, indented by two spaces."""
    return _case(f"{head}jobs:\n{text}")


HOSTILE: dict[str, Callable[[], Case]] = {
    # aliases and merge keys
    "alias-bomb-lists": lambda: _case(_alias_bomb(10, 9)),
    "alias-bomb-mappings": lambda: _case(_alias_bomb(10, 9, "{", "}")),
    "alias-bomb-pairs": lambda: _case(_alias_bomb(40, 2)),
    "alias-bomb-merge-keys": lambda: _case(_merge_bomb(40, 9)),
    "alias-bomb-across-documents": lambda: _case(_alias_bomb(10, 9).replace("x-5", "---\nx-5", 1)),
    "alias-bomb-included": lambda: _case(
        {"compose.yaml": "include: [b.yaml]\n", "b.yaml": _alias_bomb(10, 9)}
    ),
    "alias-bomb-extended": lambda: _case(
        {
            "compose.yaml": "services: {b: {extends: {service: a, file: b.yaml}}}\n",
            "b.yaml": _alias_bomb(10, 9),
        }
    ),
    "alias-of-long-text": lambda: _case(
        f"x-a: &a {'v' * MIB}\n{_HEAD}    labels:\n" + _lines("      k%: *a\n", 20_000)
    ),
    "alias-of-itself": lambda: _case(f"x-a: &a [*a]\n{_HEAD}"),
    "alias-of-parent-in-mapping": lambda: _case(f"x-a: &a\n  b: {{c: *a }}\n{_HEAD}"),
    "merge-of-itself": lambda: _case(f"x-a: &a\n  <<: *a\n{_HEAD}"),
    "anchors-in-great-number": lambda: _case("x-a:\n" + _lines("  - &a% v\n", 150_000) + _HEAD),
    # depth
    "deep-flow-lists": lambda: _case(f"x-a: {'[' * 10_000}{']' * 10_000}\n{_HEAD}"),
    "deep-flow-mappings": lambda: _case(f"x-a: {'{a: ' * 10_000}1{'}' * 10_000}\n{_HEAD}"),
    "deep-json": lambda: _case('{"x-a":' * 10_000 + "1" + "}" * 10_000),
    "deep-block-lists": lambda: _case(f"x-a:\n  {'- ' * 10_000}v\n{_HEAD}"),
    "deep-block-mappings": lambda: _case("".join(f"{' ' * i}x-a:\n" for i in range(2_500)) + _HEAD),
    "deep-complex-keys": lambda: _case(f"{'? ' * 10_000}v\n"),
    "deep-unclosed-lists": lambda: _case("[" * 1_000_000),
    "deep-unclosed-mappings": lambda: _case("{a: " * 500_000),
    "deep-in-a-second-document": lambda: _case(f"{_HEAD}---\nx-a: {'[' * 10_000}{']' * 10_000}\n"),
    "deep-through-aliases": lambda: _case(
        "x-0: &a0 [v]\n" + "".join(f"x-{i}: &a{i} [*a{i - 1} ]\n" for i in range(1, 5_000)) + _HEAD
    ),
    # what only the slow parser reads
    "slow-deep-lists": lambda: _case("x-a: [&a` b, " + "[" * 30_000 + "\n"),
    "slow-deep-mappings": lambda: _case("x-a: {&a` b: " + "{a: " * 12_000 + "\n"),
    "slow-deep-possible-key": lambda: _case("{" + "a: {" * 15_000 + "}" * 10 + ": v\n"),
    "slow-many-items": lambda: _case("x-a: [&a` b" + ", b" * 20_000 + "]\n" + _HEAD),
    "slow-many-keys": lambda: _case("x-a: &a`\n" + _lines("  k%: v\n", 5_000) + _HEAD),
    "slow-long-text": lambda: _case("x-a: &a` " + "b c " * 15_000 + "\n" + _HEAD),
    "slow-long-quotes": lambda: _case('x-a: &a` "' + "\\'b " * 12_000 + '"\n' + _HEAD),
    "slow-many-lines": lambda: _case("x-a: &a`\n" + "\n" * 60_000 + _HEAD),
    "slow-many-anchors": lambda: _case("x-a:\n" + _lines("  - &`% v\n", 4_000) + _HEAD),
    "slow-many-documents": lambda: _case("x-a: &a` v\n" + "---\nx-a: v\n" * 90),
    "slow-long-key": lambda: _case("x-a: &a` v\n" + "k" * 60_000 + ": v\n" + _HEAD),
    "slow-many-possible-keys": lambda: _case("x-a: &a` v\n" + "b\n" * 30_000),
    # size
    "million-keys": lambda: _field("labels:\n" + _lines("      k%: v\n", 1_000_000)),
    "many-keys-in-four-mebibytes": lambda: _field("labels:\n" + _lines("      k%: v\n", 250_000)),
    "many-items-in-four-mebibytes": lambda: _field("cap_add: [" + "A," * 1_900_000 + "]"),
    "many-empty-items": lambda: _case("x-a:\n" + " -\n" * 1_300_000 + _HEAD),
    "same-key-many-times": lambda: _field("labels:\n" + "      k: v\n" * 200_000),
    "hundred-megabyte-scalar": lambda: _field("hostname: " + "x" * 100 * MIB),
    "four-mebibyte-scalar": lambda: _field("hostname: " + "x" * (4 * MIB - 100)),
    "four-mebibyte-key": lambda: _field("labels: {? " + "x" * (3 * MIB) + " : v}"),
    "four-mebibyte-tag": lambda: _field("hostname: !" + "x" * (3 * MIB) + " v"),
    "four-mebibyte-anchor": lambda: _field("hostname: &" + "x" * (3 * MIB) + " v"),
    "four-mebibytes-of-blank-lines": lambda: _case("\n" * (4 * MIB - 100) + _HEAD),
    "four-mebibytes-of-comment": lambda: _case("#" * (4 * MIB - 100) + "\n" + _HEAD),
    "four-mebibytes-of-tabs": lambda: _case("\t" * (4 * MIB - 100) + _HEAD),
    "documents-in-great-number": lambda: _case(f"{_HEAD}---\n" * 50_000),
    "small-documents-that-append": lambda: _case(
        f"{_HEAD}    security_opt:\n"
        + "---\n".join(f"services: {{a: {{security_opt: [k{i}]}}}}\n" for i in range(5_000))
    ),
    "tag-directives": lambda: _case(
        "".join(f"%TAG !e{i}! tag:x,{i}:\n" for i in range(50_000)) + "---\n" + _HEAD
    ),
    "services-in-great-number": lambda: _case("services:\n" + _lines("  s%: {image: x}\n", 90_000)),
    "networks-in-great-number": lambda: _case(_HEAD + "networks:\n" + _lines("  n%:\n", 90_000)),
    "files-in-great-number": lambda: _case(
        {f"f{i}.yaml": _HEAD for i in range(2_000)}, files=[f"f{i}.yaml" for i in range(2_000)]
    ),
    # include, extends, paths
    "include-itself": lambda: _case(f"include: [compose.yaml]\n{_HEAD}"),
    "include-circle": lambda: _case(
        {"compose.yaml": "include: [b.yaml]\n", "b.yaml": "include: [compose.yaml]\n"}
    ),
    "include-circle-through-second-path": lambda: _case(
        {"compose.yaml": f"include: [{{path: [b.yaml, compose.yaml]}}]\n{_HEAD}", "b.yaml": _HEAD}
    ),
    "include-circle-by-other-spelling": lambda: _case(
        f"include: [{{path: [./sub/../compose.yaml]}}]\n{_HEAD}"
    ),
    "include-circle-through-folders": lambda: _case(
        {
            "compose.yaml": "include: [sub/b.yaml]\n",
            "sub/b.yaml": "include: [{path: [c.yaml, ../compose.yaml]}]\n",
            "sub/c.yaml": _HEAD,
        }
    ),
    "include-chain": lambda: _include_tree(900, 1),
    "include-tree": lambda: _include_tree(15, 3),
    "include-wide": lambda: _case(
        {"compose.yaml": "include: [" + "b.yaml, " * 20_000 + "]\n", "b.yaml": _HEAD}
    ),
    "extends-itself": lambda: _case("services: {a: {image: x, extends: a}}\n"),
    "extends-circle": lambda: _case("services: {a: {extends: b}, b: {extends: a}}\n"),
    "extends-circle-over-files": lambda: _case(
        {
            "compose.yaml": "services: {a: {extends: {service: b, file: b.yaml}}}\n",
            "b.yaml": "services: {b: {extends: {service: a, file: compose.yaml}}}\n",
        }
    ),
    "extends-chain": lambda: _case(_chain("extends: %", 10_000)),
    "extends-of-one-file-many-times": lambda: _case(
        {
            "compose.yaml": "services:\n"
            + _lines("  s%: {extends: {service: a, file: b.yaml}}\n", 1_900),
            "b.yaml": _HEAD + "x-a:\n" + _lines("  - v%\n", 50_000),
        }
    ),
    "include-outside": lambda: _case("include: [../../etc/passwd]\n"),
    "include-absolute": lambda: _case("include: [/etc/passwd]\n"),
    "extends-outside": lambda: _case(
        "services: {a: {extends: {service: a, file: ../../../etc/passwd}}}\n"
    ),
    "env-file-outside": lambda: _field("env_file: ../../etc/passwd"),
    "env-file-absolute": lambda: _field("env_file: /proc/self/environ"),
    "env-file-endless": lambda: _field("env_file: /dev/zero"),
    "env-file-is-a-folder": lambda: _field("env_file: ."),
    "label-file-absolute": lambda: _field("label_file: /etc/hostname"),
    "path-with-nul": lambda: _field('env_file: "a\\0b"'),
    "include-with-nul": lambda: _case('include: ["a\\0b"]\n'),
    "path-of-a-mebibyte": lambda: _field("env_file: " + "x/" * 500_000 + "y"),
    "path-with-many-parents": lambda: _field("env_file: " + "../" * 500_000 + "y"),
    "variables-in-include": lambda: _case("include: ['${A:-/etc/passwd}']\n"),
    # encodings
    "nul-byte": lambda: _case(_HEAD + "    hostname: a\x00b\n"),
    "only-nul-bytes": lambda: _case("\x00" * 1_000),
    "invalid-utf-8": lambda: _case(_HEAD.encode() + b"    hostname: \xff\xfe\xc3\x28\n"),
    "overlong-utf-8": lambda: _case(_HEAD.encode() + b"    hostname: \xc0\xaf\n"),
    "surrogate-in-utf-8": lambda: _case(_HEAD.encode() + b"    hostname: \xed\xa0\x80\n"),
    "surrogate-escape": lambda: _field('hostname: "\\ud800"'),
    "escape-beyond-unicode": lambda: _field('hostname: "\\U00110000"'),
    "half-a-utf-16-character": lambda: _case(b"\xff\xfea\x00b"),
    "utf-32": lambda: _case(_HEAD.encode("utf-32")),
    "only-a-byte-order-mark": lambda: _case(b"\xef\xbb\xbf"),
    "invalid-utf-8-in-env-file": lambda: _case(
        {"compose.yaml": f"{_HEAD}    env_file: e\n", "e": b"A=\xff\xfe\n\xc3\x28=1\n"}
    ),
    "invalid-utf-8-in-dotenv": lambda: _case({"compose.yaml": _HEAD, ".env": b"A=\xff\nB\xff=1\n"}),
    "nul-in-env-file": lambda: _case(
        {"compose.yaml": f"{_HEAD}    env_file: e\n", "e": b"A=a\x00b\n"}
    ),
    # numbers
    "number-of-many-digits": lambda: _field("hostname: " + "9" * MIB),
    "count-of-many-digits": lambda: _field("scale: " + "9" * 100_000),
    "quoted-count-of-many-digits": lambda: _field(f'scale: "{"9" * 100_000}"'),
    "hexadecimal-of-many-digits": lambda: _field("scale: 0x" + "f" * MIB),
    "underscores-in-great-number": lambda: _field("scale: 1" + "_" * MIB),
    "exponent-beyond-floats": lambda: _field("cpus: 1e999999999"),
    "fraction-of-many-digits": lambda: _field("cpus: 0." + "1" * MIB),
    "replicas-beyond-memory": lambda: _field("scale: 9223372036854775807"),
    "replicas-as-float": lambda: _field("scale: 1e308"),
    "size-of-many-digits": lambda: _field(f'mem_limit: "{"9" * 100_000}g"'),
    "size-with-exponent": lambda: _field('mem_limit: "1e100000000g"'),
    "duration-of-many-digits": lambda: _field(f"stop_grace_period: {'9' * 100_000}s"),
    "duration-of-many-parts": lambda: _field("stop_grace_period: " + "1h" * 100_000),
    "gpu-count-of-many-digits": lambda: _field(f'gpus: [{{count: "{"9" * 100_000}"}}]'),
    "mode-of-many-digits": lambda: _case(
        f'{_HEAD}    secrets: [{{source: s, mode: "{"7" * 100_000}"}}]\n'
        "secrets: {s: {file: x}}\n"
    ),
    "ports-of-the-whole-range": lambda: _field("ports: ['1-65535']"),
    "ports-of-the-whole-range-many-times": lambda: _field(
        "ports:\n" + _lines("      - '127.0.%.1:1-65535:1-65535'\n", 255)
    ),
    "port-of-many-digits": lambda: _field(f'ports: ["{"9" * 100_000}"]'),
    "port-of-many-colons": lambda: _field(f'ports: ["{":" * MIB}"]'),
    "volume-of-many-colons": lambda: _field(f'volumes: ["{"a:" * MIB}"]'),
    # interpolation
    "nested-defaults": lambda: _field("hostname: '" + "${A:-" * 10_000 + "}" * 10_000 + "'"),
    "nested-defaults-unclosed": lambda: _field("hostname: '" + "${A:-" * 10_000 + "'"),
    "dollars": lambda: _field("hostname: '" + "$" * MIB + "'"),
    "open-braces": lambda: _field("hostname: '" + "${" * 500_000 + "'"),
    "close-braces": lambda: _field("hostname: '${A:-" + "}" * 500_000 + "'"),
    "substitutions-in-great-number": lambda: _field("hostname: '" + "${A:-}" * 150_000 + "'"),
    "alternating-braces": lambda: _field("hostname: '${A:-" + "{}" * 100_000 + "}'"),
    "names-in-great-number": lambda: _field(
        "hostname: '" + "".join(f"$N{i}" for i in range(100_000)) + "'"
    ),
    "long-name": lambda: _field("hostname: ${" + "A" * MIB + "}"),
    "long-value-many-times": lambda: _case(
        {
            ".env": "A=" + "x" * MIB + "\n",
            "compose.yaml": f"{_HEAD}    hostname: '{'$A' * 10_000}'\n",
        }
    ),
    "long-value-in-many-fields": lambda: _case(
        {
            ".env": "A=" + "x" * MIB + "\n",
            "compose.yaml": f"{_HEAD}    labels:\n" + _lines("      k%: $A\n", 50_000),
        }
    ),
    "variables-that-double": lambda: _case(_variable_bomb(60)),
    "variables-that-double-in-env-file": lambda: _case(
        {
            "e": _variable_bomb(60)[".env"],
            "compose.yaml": f"{_HEAD}    env_file: e\n",
        }
    ),
    "required-with-long-message": lambda: _field("hostname: ${A?" + "x" * MIB + "}"),
    # dotenv
    "dotenv-of-many-lines": lambda: _case(
        {".env": _lines("A%=1\n", 300_000), "compose.yaml": _HEAD}
    ),
    "dotenv-unclosed-quote": lambda: _case({".env": 'A="' + "x\n" * MIB, "compose.yaml": _HEAD}),
    "dotenv-quotes": lambda: _case({".env": "A=" + "'\"" * MIB + "\n", "compose.yaml": _HEAD}),
    "dotenv-backslashes": lambda: _case(
        {".env": 'A="' + "\\" * MIB + '"\n', "compose.yaml": _HEAD}
    ),
    "dotenv-nested-defaults": lambda: _case(
        {".env": "A=" + "${B:-" * 10_000 + "}" * 10_000 + "\n", "compose.yaml": _HEAD}
    ),
    "dotenv-carriage-returns": lambda: _case({".env": "\r" * MIB + "A=1", "compose.yaml": _HEAD}),
    # merging and graphs
    "merge-key-with-many-mappings": lambda: _case(
        "x-a: &a {" + ", ".join(f"k{i}: v" for i in range(2_000)) + "}\n"
        f"{_HEAD}    labels:\n      <<: [{', '.join(['*a '] * 2_000)}]\n"
    ),
    "unique-items-in-great-number": lambda: _field(
        "security_opt:\n" + _lines("      - k%\n", 95_000)
    ),
    "unique-mappings-in-great-number": lambda: _field(
        "ports:\n" + _lines("      - {target: 80, published: '%'}\n", 19_000)
    ),
    "environment-in-great-number": lambda: _case(
        {
            "a.yaml": _HEAD + "    environment:\n" + _lines("      - K%=1\n", 90_000),
            "b.yaml": _HEAD + "    environment:\n" + _lines("      - K%=2\n", 90_000),
        },
        files=["a.yaml", "b.yaml"],
    ),
    "extra-hosts-in-great-number": lambda: _case(
        {
            "a.yaml": _HEAD + "    extra_hosts:\n" + _lines("      - h%=1.1.1.1\n", 40_000),
            "b.yaml": _HEAD + "    extra_hosts:\n" + _lines("      - h%=2.2.2.2\n", 40_000),
        },
        files=["a.yaml", "b.yaml"],
    ),
    "subnets-in-great-number": lambda: _subnets(20_000),
    "volumes-in-great-number": lambda: _field("volumes:\n" + _lines("      - ./a:/v%\n", 90_000)),
    "devices-in-great-number": lambda: _field(
        "devices:\n" + _lines("      - /dev/a:/d%\n", 90_000)
    ),
    "depends-on-ladder": lambda: _case(_dag(60)),
    "depends-on-chain": lambda: _case(_chain("depends_on: [%]", 1_900)),
    "depends-on-everything": lambda: _case(
        "services:\n"
        + "".join(
            f"  s{i}: {{image: x, depends_on: [{', '.join(f's{j}' for j in range(i))}]}}\n"
            for i in range(400)
        )
    ),
    "resets-in-great-number": lambda: _case(
        {
            "a.yaml": _HEAD + "    labels:\n" + _lines("      k%: v\n", 40_000),
            "b.yaml": _HEAD + "    labels:\n" + _lines("      k%: !reset null\n", 40_000),
        },
        files=["a.yaml", "b.yaml"],
    ),
    "reset-of-stars": lambda: _case(
        {
            "a.yaml": _HEAD + "    labels:\n" + _lines("      k%: v\n", 20_000),
            "b.yaml": 'services: {"*": {labels: {"*": !reset null}}}\n',
        },
        files=["a.yaml", "b.yaml"],
    ),
    "profiles-in-great-number": lambda: _field("profiles:\n" + _lines("      - p%\n", 90_000)),
    # words
    "command-of-quotes": lambda: _field('command: "' + "'" * MIB + '"'),
    "command-of-backslashes": lambda: _field("command: '" + "\\" * MIB + "'"),
    "command-of-words": lambda: _field("command: " + "a " * MIB),
    "command-of-substitutions": lambda: _field("command: '" + "$$(" * 300_000 + "'"),
    "name-of-a-mebibyte": lambda: _case("name: " + "a" * MIB + f"\n{_HEAD}"),
    "service-name-of-a-mebibyte": lambda: _case(f"services:\n  ? {'a' * MIB}\n  : {{image: x}}\n"),
    "host-entry-of-colons": lambda: _field(f'extra_hosts: ["{":" * MIB}"]'),
    "build-ssh-of-equals": lambda: _field(f'build: {{context: ., ssh: ["{"=" * MIB}"]}}'),
    "host-ip-of-a-mebibyte": lambda: _field(f'ports: [{{target: 1, host_ip: "{"1." * MIB}"}}]'),
    "pull-policy-of-a-mebibyte": lambda: _field("pull_policy: every_" + "1h" * 500_000 + "x"),
    "ends-before-a-document": lambda: _case("...\n" * 100_000 + _HEAD),
    "levels-by-aliases": lambda: _case(
        "x-0: &a0 v\n"
        + "".join(f"x-{i}: &a{i} {'{k: ' * 95}*a{i - 1} {'}' * 95}\n" for i in range(1, 10))
        + _HEAD
    ),
    # small things that multiply
    "port-ranges-in-great-number": lambda: _case(
        "services:\n" + _lines('  s%: {image: x, ports: ["1-9999"]}\n', 200)
    ),
    "env-file-of-many-services": lambda: _case(
        {
            "compose.yaml": "services:\n" + _lines("  s%: {image: x, env_file: [e]}\n", 300),
            "e": _lines("V%=1\n", 5_000),
        }
    ),
    "env-file-of-lines": lambda: _case({"compose.yaml": _HEAD, ".env": "A=\n" * MIB}),
    "env-file-of-many-includes": lambda: _case(
        {
            "compose.yaml": "include:\n" + _lines("  - {path: o.yaml, env_file: e}\n", 3_000),
            "o.yaml": _HEAD,
            "e": "A=\n" * 20_000,
        }
    ),
    "label-files-in-great-number": lambda: _case(
        {
            "compose.yaml": "services:\n"
            + _lines(f"  s%: {{image: x, label_file: [{', '.join(['l'] * 50)}]}}\n", 300),
            "l": _lines("L%=1\n", 100),
        }
    ),
    "env-files-named-often": lambda: _case(
        {"compose.yaml": _HEAD, "e": "A=1\n" * 100}, env_files=["e"] * 20_000
    ),
    "large-service-extended-often": lambda: _case(
        "services:\n  b:\n    image: x\n    environment:\n"
        + _lines("      V%: v\n", 5_000)
        + _lines("  s%: {extends: b}\n", 1_000)
    ),
    "large-file-overridden-often": lambda: _case(
        f"{_HEAD}    environment:\n"
        + _lines("      V%: v\n", 20_000)
        + _lines("---\nservices: {a: {image: x%}}\n", 99)
    ),
    "compose-file-named-often": lambda: _case(
        {"compose.yaml": _HEAD, ".env": "COMPOSE_FILE=" + "compose.yaml:" * 300_000}
    ),
    "compose-file-of-separators": lambda: _case(
        {"compose.yaml": _HEAD, ".env": "COMPOSE_PATH_SEPARATOR=a\nCOMPOSE_FILE=" + "a" * 3 * MIB}
    ),
    "profiles-of-the-environment": lambda: _case(
        {
            "compose.yaml": f"{_HEAD}    profiles: [{', '.join(f'q{i}' for i in range(9_000))}]\n",
            ".env": "COMPOSE_PROFILES=" + _lines("p%,", 300_000),
        },
        profiles=[],
    ),
    "pools-of-many-networks": lambda: _case(
        {
            f"{name}.yaml": f"{_HEAD}networks:\n"
            + _lines(
                "  n%: {ipam: {config: ["
                + ", ".join(f"{{subnet: 10.{second}.{third}.0/24}}" for third in range(10))
                + "]}}\n",
                2_000,
            )
            for second, name in enumerate("ab")
        },
        files=["a.yaml", "b.yaml"],
    ),
    "resets-below-many-levels": lambda: _case(
        f"{_HEAD}x-a: " + "{k: " * 90 + "{" + _lines("k%: !reset 1, ", 20_000) + "}" + "}" * 90
    ),
    "variable-of-a-text-used-often": lambda: _case(
        f'x-a: &a "${{NO}}"\n{_HEAD}    command: [{", ".join(["*a "] * 9_000)}]\n'
    ),
    "variables-of-a-text-used-often": lambda: _case(
        f'x-a: &a "{_lines("${NO%}", 1_000)}"\n{_HEAD}    command: [{", ".join(["*a "] * 900)}]\n'
    ),
    "commands-by-alias": lambda: _case(
        'x-a: &a "' + "'" * (MIB // 2) + '"\nservices:\n' + _lines("  s%: {command: *a }\n", 7)
    ),
    "dollars-by-alias": lambda: _case(
        'x-a: &a "' + "$$" * (MIB // 4) + '"\nservices:\n' + _lines("  s%: {hostname: *a }\n", 7)
    ),
    "host-addresses": lambda: _field(f'extra_hosts: ["a={"1," * MIB}"]'),
    "duration-of-a-mebibyte": lambda: _field(f'stop_grace_period: "{"1s" * MIB}"'),
    "name-of-variables": lambda: _case('name: "' + "${A:-x}" * 500_000 + f'"\n{_HEAD}'),
    # hooks
    "hooks-in-great-number": lambda: _field(
        "pre_start:\n" + _lines("      - {user: u%}\n", 90_000)
    ),
    "hooks-that-inherit-a-large-service": lambda: _case(
        f"{_HEAD}    environment:\n"
        + _lines("      V%: v\n", 20_000)
        + "    pre_start:\n"
        + _lines("      - {user: u%}\n", 20_000)
    ),
    "hooks-that-inherit-long-lists": lambda: _case(
        f"{_HEAD}    security_opt:\n"
        + _lines("      - k%\n", 20_000)
        + "    pre_start:\n"
        + _lines("      - {security_opt: [h%]}\n", 2_000)
    ),
    "hooks-that-inherit-a-long-text": lambda: _case(
        f"{_HEAD}    command: [{'x' * MIB}]\n    pre_start:\n" + _lines("      - {}\n", 20_000)
    ),
    "long-text-extended-often": lambda: _case(
        f"services:\n  b:\n    image: x\n    command: [{'x' * MIB}]\n"
        + _lines("  s%: {extends: b}\n", 1_900)
    ),
    "hooks-by-aliases": lambda: _case(
        "x-h: &h\n"
        + _lines("  - {user: u%}\n", 2_000)
        + "services:\n"
        + _lines("  s%: {image: x, pre_start: *h }\n", 1_000)
    ),
    "hooks-of-many-services": lambda: _case(
        "services:\n" + _lines("  s%: {image: x, pre_start: [{}, {}, {}, {}, {}]}\n", 5_000)
    ),
    "hooks-in-two-files": lambda: _two_lists("pre_start", "{user: u%, labels: {a: b}}", 20_000),
    "hooks-with-env-files": lambda: _case(
        {
            "compose.yaml": f"{_HEAD}    pre_start:\n" + _lines("      - {env_file: e}\n", 5_000),
            "e": _lines("V%=1\n", 5_000),
        }
    ),
    "hooks-with-inherited-env-files": lambda: _case(
        {
            "compose.yaml": f"{_HEAD}    env_file: [{', '.join(['e'] * 50)}]\n    pre_start:\n"
            + _lines("      - {user: u%}\n", 2_000),
            "e": _lines("V%=1\n", 2_000),
        }
    ),
    "hooks-with-label-files": lambda: _case(
        {
            "compose.yaml": f"{_HEAD}    pre_start:\n"
            + _lines(f"      - {{label_file: [{', '.join(['l'] * 20)}]}}\n", 500),
            "l": _lines("L%=1\n", 100),
        }
    ),
    "hook-below-a-hook": lambda: _field("pre_start: [{" + "pre_start: [{" * 80 + "}]" * 80 + "}]"),
    "hook-that-is-the-service": lambda: _case(
        "services:\n  a: &a\n    image: x\n    pre_start: [*a ]\n"
    ),
    "hook-variables-in-great-number": lambda: _field(
        "pre_start:\n" + _lines("      - {user: '${U:-${V:-${W:-u%}}}'}\n", 20_000)
    ),
    "hooks-with-port-ranges": lambda: _field("pre_start: [{ports: ['1-65535:1-65535']}]"),
    # jobs
    "jobs-in-great-number": lambda: _jobs(
        _lines("  j%: {image: x, triggers: {manual: true}}\n", 90_000)
    ),
    "jobs-alone-in-great-number": lambda: _case(
        "jobs:\n" + _lines("  j%: {image: x, triggers: {manual: true}}\n", 2_000)
    ),
    "job-schedules-in-great-number": lambda: _jobs(
        "  j:\n    image: x\n    triggers:\n      schedule:\n" + _lines("        - '%'\n", 90_000)
    ),
    "job-schedules-in-two-files": lambda: _case(
        {
            f"{name}.yaml": f"{_HEAD}jobs:\n  j:\n    image: x\n    triggers:\n      schedule:\n"
            + _lines(f"        - {{cron: '{name}%'}}\n", 20_000)
            for name in "ab"
        },
        files=["a.yaml", "b.yaml"],
    ),
    "job-schedule-of-a-mebibyte": lambda: _jobs(
        "  j: {image: x, triggers: {schedule: ['" + "* " * (MIB // 2) + "']}}\n"
    ),
    "job-extends-itself": lambda: _jobs("  j: {extends: j, triggers: {manual: true}}\n"),
    "job-extends-chain": lambda: _case(
        _chain("extends: %", 10_000).replace("services:", "jobs:").replace("image: x", _TRIGGERED)
    ),
    "job-extends-circle-over-files": lambda: _case(
        {
            "compose.yaml": "jobs: {j: {extends: {service: k, file: b.yaml}}}\n",
            "b.yaml": "jobs: {k: {extends: {service: j, file: compose.yaml}}}\n",
        }
    ),
    "job-depends-on-ladder": lambda: _case(
        _dag(60).replace("services:", "jobs:").replace("image: x", _TRIGGERED)
    ),
    "jobs-in-a-circle": lambda: _jobs(
        _lines("  j%: {image: x, triggers: {manual: true}, depends_on: [j0, j1]}\n", 1_900)
    ),
    "job-env-files-in-great-number": lambda: _case(
        {
            "compose.yaml": f"{_HEAD}jobs:\n"
            + _lines("  j%: {image: x, env_file: [e, e], triggers: {manual: true}}\n", 300),
            "e": _lines("V%=1\n", 5_000),
        }
    ),
    "job-env-file-absolute": lambda: _jobs(
        "  j: {image: x, env_file: /proc/self/environ, triggers: {manual: true}}\n"
    ),
    "job-env-file-endless": lambda: _jobs(
        "  j: {image: x, env_file: /dev/zero, triggers: {manual: true}}\n"
    ),
    "job-named-extensions": lambda: _jobs(
        "  x-j: {image: x, triggers: {manual: true}}\n"
        "  '#extensions': {image: x, triggers: {manual: true}}\n"
    ),
    # what merging without duplicates compares
    "equal-requests-in-two-files": lambda: _two_lists(
        "gpus", "{driver: nvidia, device_ids: ['%'], options: {a: b}}", 20_000
    ),
    "equal-words-in-two-files": lambda: _two_lists("security_opt", "k%", 90_000),
    "equal-watch-rules-in-two-files": lambda: _case(
        {
            f"{name}.yaml": f"{_HEAD}    develop:\n      watch:\n"
            + _lines(f"        - {{path: ./{name}%, action: rebuild}}\n", 20_000)
            for name in "ab"
        },
        files=["a.yaml", "b.yaml"],
    ),
    "equal-deep-items-in-two-files": lambda: _case(
        {
            f"{name}.yaml": f"{_HEAD}x-a:\n" + _lines(f"  - {'[' * 80}{name}%{']' * 80}\n", 5_000)
            for name in "ab"
        },
        files=["a.yaml", "b.yaml"],
    ),
    "equal-resources-included-often": lambda: _case(
        {
            "compose.yaml": "include:\n" + _lines("  - {path: [b.yaml, c%.yaml]}\n", 100),
            "b.yaml": _HEAD + "    labels:\n" + _lines("      k%: v\n", 5_000),
            **{f"c{i}.yaml": "services: {}\n" for i in range(100)},
        }
    ),
    "legacy-develop-in-great-number": lambda: _field(
        "x-develop: {watch: ["
        + "{path: ., action: sync, target: /t, x-initialSync: true}, " * 20_000
        + "]}"
    ),
    "umask-of-many-digits": lambda: _field(f'umask: "{"7" * 100_000}"'),
    "umask-of-underscores": lambda: _field(f'umask: "0{"_7" * 500_000}"'),
}
