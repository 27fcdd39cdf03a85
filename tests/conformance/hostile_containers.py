"""Hostile hooks and jobs, and lists that merging compares item by item."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.case import Case
from tests.conformance.hostile_cases import HEAD, MIB, TRIGGERED, case, chain, dag, field, lines


def _two_lists(key: str, row: str, count: int) -> Case:
    """Return two files whose lists below `key` of one service have `count` different items each."""
    texts = [
        f"{HEAD}    {key}:\n" + lines(f"      - {row}\n".replace("%", f"{prefix}%"), count)
        for prefix in "ab"
    ]
    return case({"a.yaml": texts[0], "b.yaml": texts[1]}, files=["a.yaml", "b.yaml"])


def _jobs(text: str, head: str = HEAD) -> Case:
    """Return a project whose jobs are `text`, indented by two spaces."""
    return case(f"{head}jobs:\n{text}")


CONTAINERS: dict[str, Callable[[], Case]] = {
    # hooks
    "hooks-in-great-number": lambda: field("pre_start:\n" + lines("      - {user: u%}\n", 90_000)),
    "hooks-that-inherit-a-large-service": lambda: case(
        f"{HEAD}    environment:\n"
        + lines("      V%: v\n", 20_000)
        + "    pre_start:\n"
        + lines("      - {user: u%}\n", 20_000)
    ),
    "hooks-that-inherit-long-lists": lambda: case(
        f"{HEAD}    security_opt:\n"
        + lines("      - k%\n", 20_000)
        + "    pre_start:\n"
        + lines("      - {security_opt: [h%]}\n", 2_000)
    ),
    "hooks-that-inherit-a-long-text": lambda: case(
        f"{HEAD}    command: [{'x' * MIB}]\n    pre_start:\n" + lines("      - {}\n", 20_000)
    ),
    "long-text-extended-often": lambda: case(
        f"services:\n  b:\n    image: x\n    command: [{'x' * MIB}]\n"
        + lines("  s%: {extends: b}\n", 1_900)
    ),
    "hooks-by-aliases": lambda: case(
        "x-h: &h\n"
        + lines("  - {user: u%}\n", 2_000)
        + "services:\n"
        + lines("  s%: {image: x, pre_start: *h }\n", 1_000)
    ),
    "hooks-of-many-services": lambda: case(
        "services:\n" + lines("  s%: {image: x, pre_start: [{}, {}, {}, {}, {}]}\n", 5_000)
    ),
    "hooks-in-two-files": lambda: _two_lists("pre_start", "{user: u%, labels: {a: b}}", 20_000),
    "hooks-with-env-files": lambda: case(
        {
            "compose.yaml": f"{HEAD}    pre_start:\n" + lines("      - {env_file: e}\n", 5_000),
            "e": lines("V%=1\n", 5_000),
        }
    ),
    "hooks-with-inherited-env-files": lambda: case(
        {
            "compose.yaml": f"{HEAD}    env_file: [{', '.join(['e'] * 50)}]\n    pre_start:\n"
            + lines("      - {user: u%}\n", 2_000),
            "e": lines("V%=1\n", 2_000),
        }
    ),
    "hooks-with-label-files": lambda: case(
        {
            "compose.yaml": f"{HEAD}    pre_start:\n"
            + lines(f"      - {{label_file: [{', '.join(['l'] * 20)}]}}\n", 500),
            "l": lines("L%=1\n", 100),
        }
    ),
    "hook-below-a-hook": lambda: field("pre_start: [{" + "pre_start: [{" * 80 + "}]" * 80 + "}]"),
    "hook-that-is-the-service": lambda: case(
        "services:\n  a: &a\n    image: x\n    pre_start: [*a ]\n"
    ),
    "hook-variables-in-great-number": lambda: field(
        "pre_start:\n" + lines("      - {user: '${U:-${V:-${W:-u%}}}'}\n", 20_000)
    ),
    "hooks-with-port-ranges": lambda: field("pre_start: [{ports: ['1-65535:1-65535']}]"),
    # jobs
    "jobs-in-great-number": lambda: _jobs(
        lines("  j%: {image: x, triggers: {manual: true}}\n", 90_000)
    ),
    "jobs-alone-in-great-number": lambda: case(
        "jobs:\n" + lines("  j%: {image: x, triggers: {manual: true}}\n", 2_000)
    ),
    "job-schedules-in-great-number": lambda: _jobs(
        "  j:\n    image: x\n    triggers:\n      schedule:\n" + lines("        - '%'\n", 90_000)
    ),
    "job-schedules-in-two-files": lambda: case(
        {
            f"{name}.yaml": f"{HEAD}jobs:\n  j:\n    image: x\n    triggers:\n      schedule:\n"
            + lines(f"        - {{cron: '{name}%'}}\n", 20_000)
            for name in "ab"
        },
        files=["a.yaml", "b.yaml"],
    ),
    "job-schedule-of-a-mebibyte": lambda: _jobs(
        "  j: {image: x, triggers: {schedule: ['" + "* " * (MIB // 2) + "']}}\n"
    ),
    "job-extends-itself": lambda: _jobs("  j: {extends: j, triggers: {manual: true}}\n"),
    "job-extends-chain": lambda: case(
        chain("extends: %", 10_000).replace("services:", "jobs:").replace("image: x", TRIGGERED)
    ),
    "job-extends-circle-over-files": lambda: case(
        {
            "compose.yaml": "jobs: {j: {extends: {service: k, file: b.yaml}}}\n",
            "b.yaml": "jobs: {k: {extends: {service: j, file: compose.yaml}}}\n",
        }
    ),
    "job-depends-on-ladder": lambda: case(
        dag(60).replace("services:", "jobs:").replace("image: x", TRIGGERED)
    ),
    "jobs-in-a-circle": lambda: _jobs(
        lines("  j%: {image: x, triggers: {manual: true}, depends_on: [j0, j1]}\n", 1_900)
    ),
    "job-env-files-in-great-number": lambda: case(
        {
            "compose.yaml": f"{HEAD}jobs:\n"
            + lines("  j%: {image: x, env_file: [e, e], triggers: {manual: true}}\n", 300),
            "e": lines("V%=1\n", 5_000),
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
    "equal-watch-rules-in-two-files": lambda: case(
        {
            f"{name}.yaml": f"{HEAD}    develop:\n      watch:\n"
            + lines(f"        - {{path: ./{name}%, action: rebuild}}\n", 20_000)
            for name in "ab"
        },
        files=["a.yaml", "b.yaml"],
    ),
    "equal-deep-items-in-two-files": lambda: case(
        {
            f"{name}.yaml": f"{HEAD}x-a:\n" + lines(f"  - {'[' * 80}{name}%{']' * 80}\n", 5_000)
            for name in "ab"
        },
        files=["a.yaml", "b.yaml"],
    ),
    "equal-resources-included-often": lambda: case(
        {
            "compose.yaml": "include:\n" + lines("  - {path: [b.yaml, c%.yaml]}\n", 100),
            "b.yaml": HEAD + "    labels:\n" + lines("      k%: v\n", 5_000),
            **{f"c{i}.yaml": "services: {}\n" for i in range(100)},
        }
    ),
    "legacy-develop-in-great-number": lambda: field(
        "x-develop: {watch: ["
        + "{path: ., action: sync, target: /t, x-initialSync: true}, " * 20_000
        + "]}"
    ),
    "umask-of-many-digits": lambda: field(f'umask: "{"7" * 100_000}"'),
    "umask-of-underscores": lambda: field(f'umask: "0{"_7" * 500_000}"'),
}
