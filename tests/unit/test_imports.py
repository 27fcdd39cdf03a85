"""The direction of imports (DESIGN section 3), read from the source, and what `check` loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.isolation import unmeasured

PACKAGE = Path(__file__).parents[2] / "policyd"

MODEL = {
    *(
        "deadline",
        "digests",
        "lazy_pattern",
        "library_imports",
        "name_resolution",
        "tracing",
        "model",
        "errors",
        "masking",
        "compose_version",
        "suggestion",
        "limits",
        "loopback",
        "regular_files",
    ),
}
PURE = {
    *("compose", "credentials", "hooks", "formats", "audit.chain", "transparency"),
    *("registry.artifact", "registry.json_keys", "registry.platforms"),
}
WAY = [
    MODEL,
    PURE - {"formats"},
    {
        "bundle",
        "adoption",
        "discovery",
        "fixes",
        "archive",
        "engines",
        "audit",
        "grants",
        "workloads",
        "policies",
        "loading",
        "policy_input",
        "timed_session",
        "http_endpoint",
        "publication_settings",
        "console_settings",
        "issuer_settings",
        "secret_files",
        "identity",
        "opa_bundle",
        "json_schemas",
        "inventory",
        "compatibility",
        "receipts",
    },
    {"host_resolver"},
    {
        "admission",
        "candidate_policy",
        "decision_cache",
        "demand",
        "exception_list",
        "document_schemas",
        "exempting",
        "holdings",
        "host_findings",
        "leases",
        "masked_decision",
        "masked_texts",
        "opa_comparison",
        "opa_program",
        "policy_set_trial",
        "recorded_input",
        "reevaluation",
        "rego_evaluation",
        "rego_trace",
        "rego_tests",
        "sample_comments",
        "wire",
    },
    {"formats"},
    {
        "config",
        "host_settings",
        "settings_reader",
        "forge_settings",
        "forges",
        "registry",
        "services",
        "receipt_issuing",
        "bootstrap",
        "review_client",
        "idempotence",
        "expected_values",
        "observer",
        "failure_policies",
        "listen_address",
        "metrics",
        "logs",
    },
    {"web"},
    {"serving"},
    {"host"},
    {"cli", "__main__"},
]
"""Each group may import the groups before it, and itself."""

BANNED_NAMES = {"utils", "helpers", "common", "core", "base", "managers"}
IMPURE = {
    "asyncio", "http", "random", "requests", "secrets", "socket", "sqlalchemy",
    "subprocess", "time", "urllib3", "uuid",
}  # fmt: skip


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return {name: path for name, path in found.items() if not name.startswith("_policies")}


@cache
def imports(path: Path) -> set[str]:
    """Return what `path` imports, at the top or in a function, but for types only."""
    tree = ast.parse(path.read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    names = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the modules of policyd that `path` imports, without "policyd."."""
    for name in imports(path):
        if name.startswith("policyd."):
            target = name.removeprefix("policyd.")
            while target and target not in modules():
                target = target.rpartition(".")[0]
            if target:
                yield target


def group(module: str) -> int:
    """Return the place in WAY of the longest name that `module` is or lies below."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        for place, names in enumerate(WAY):
            if ".".join(parts[:length]) in names:
                return place
    raise AssertionError(f"policyd.{module}: say in WAY where it stands")


def test_imports_point_one_way() -> None:
    assert [
        f"policyd.{module} imports policyd.{target}"
        for module, path in modules().items()
        if module
        for target in imported_modules(path)
        if group(target) > group(module)
    ] == []


def test_pure_modules_have_no_socket_clock_or_randomness() -> None:
    pure = {
        module: path
        for module, path in modules().items()
        if module.split(".")[0] in PURE or module in PURE
    }
    words = ("os.environ", ".now(", ".utcnow(", ".today(")

    assert len(pure) > 80
    assert {
        module: found
        for module, path in pure.items()
        if (
            found := {name.split(".")[0] for name in imports(path)} & IMPURE
            | {word for word in words if word in path.read_text()}
        )
    } == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not {part for name in modules() for part in name.split(".")} & BANNED_NAMES


def test_commands_leave_the_rendering_of_documents_to_formats() -> None:
    """They import tables of formats and types of documents; `visible` is for single sentences."""
    rendering = {
        f"{module}: {name}"
        for module, path in modules().items()
        if module.split(".")[0] == "cli"
        for name in imports(path)
        if name.startswith("policyd.formats.")
        and name.split(".")[2] not in ("available", "contract")
        and not name.rpartition(".")[2][0].isupper()
        and name.rpartition(".")[2] not in ("visible", "reviewed")
    }

    assert rendering == set()


def test_modules_are_short() -> None:
    long = {
        name: count
        for name, path in modules().items()
        if (count := len(path.read_text().splitlines())) > 400
    }

    assert long == {}


def test_check_loads_no_web_no_database_no_http_client_and_no_openssl(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  web:\n    image: nginx\n")
    program = (
        "import sys\n"
        "from policyd.__main__ import run\n"
        f"sys.argv = ['policyd', 'check', {str(tmp_path)!r}]\n"
        "try:\n"
        "    run()\n"
        "except SystemExit as done:\n"
        "    print('exit', done.code)\n"
        "print('loaded', sorted({'flask', 'sqlalchemy', 'requests', 'opa_client', 'alembic', "
        "'granian', 'prometheus_client', 'multiprocessing.pool', 'subprocess', 'policyd.wire', "
        "'policyd.formats.available', 'policyd.formats.report.sarif', 'policyd.recorded_input', "
        "'typing_extensions', '_hashlib', 'inspect', 'gettext', 'dataclasses', 'json', 'csv', "
        "'policyd.audit.event', 'policyd.workloads.builds', 'policyd.compose.text.dotenv'"
        "} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
        env=unmeasured(),
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[-2:] == ["exit 0", "loaded []"]


def test_printing_help_loads_no_loader_and_no_policies() -> None:
    program = (
        "import sys, policyd.cli\n"
        "print(sorted({'policyd.compose.loader', 'policyd.policies.packs'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.thorough
def test_no_command_and_no_server_needs_an_optional_package() -> None:
    """`pip install policyd` without extras is enough for all but the server of an editor."""
    commands = {path.stem for path in (PACKAGE / "cli").glob("*.py")} - {"language_server"}
    program = (
        "import importlib, sys\n"
        "for name in ('cryptography', 'jwt', 'lsprotocol', 'opentelemetry', 'psycopg', 'pygls', "
        "'pynvml'):\n"
        "    sys.modules[name] = None\n"
        f"for name in {sorted(commands)!r}:\n"
        "    importlib.import_module(f'policyd.cli.{name}')\n"
        "import policyd.host.serve, policyd.serving.server\n"
        "print('all')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
        env=unmeasured(),
    )

    assert (done.stdout, done.stderr) == ("all\n", "")
