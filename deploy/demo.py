"""Demonstrate policyd: evaluate the example projects with the command and with the webhook.

The program starts the webhook on a free loopback port with an audit log in a temporary folder,
evaluates every project of deploy/examples with both, prints the audit log, and stops the webhook.
The exit code is 0 when every verdict is the one that the name of the folder states, otherwise 1.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
START_SECONDS = 30
"""Seconds within which the webhook must be ready, also on a slow machine."""

EXAMPLES = {
    "device-reservation/denied": False,
    "device-reservation/allowed": True,
    "runtime-nvidia/denied": False,
    "runtime-nvidia/allowed": True,
    "raw-device-nodes/denied": False,
    "raw-device-nodes/allowed": True,
    "clean": True,
}
"""Folders below deploy/examples, and whether policyd should allow the project."""

CONSOLE = """\
The console of the webhook is at http://127.0.0.1:8093/console/ while `policyd serve` runs.
`make demo-console` starts it there with a made-up quarter of decisions."""

BOLD, RED, GREEN, PLAIN = (
    ("\x1b[1m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[0m")
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    else ("", "", "", "")
)


def main() -> int:
    """Run the demonstration and return its exit code."""
    with tempfile.TemporaryDirectory(prefix="policyd-demo-") as folder:
        os.environ["POLICYD_AUDIT"] = f"{folder}/audit.db"
        os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        os.chdir(ROOT)
        with webhook(Path(folder) / "serve.log") as url:
            wrong = [*evaluate_with_command(), *evaluate_with_webhook(url)]
            show_the_log()
    if wrong:
        say(f"{RED}{len(wrong)} verdicts are not as expected:{PLAIN}", *wrong)
        return 1
    verdicts = 2 * len(EXAMPLES)
    say(
        f"{GREEN}All {verdicts} verdicts on {len(EXAMPLES)} projects are as expected.{PLAIN}",
        CONSOLE,
    )
    return 0


@contextmanager
def webhook(log: Path) -> Iterator[str]:
    """Run the webhook while the context is open, and yield its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    title("1. Start the webhook with its own audit log")
    command = ["policyd", "serve", "--listen", address]
    print(f"$ export POLICYD_AUDIT={os.environ['POLICYD_AUDIT']}\n$ {shlex.join(command)} &")
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until_ready(f"http://{address}/readyz", process, log)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the webhook at `url` is ready. Exit when it does not start."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                print(f"ready: {url} answers {answer.status}")
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"the webhook did not start. Its output:\n{log.read_text(errors='replace')}")


def evaluate_with_command() -> Iterator[str]:
    """Evaluate each example with `policyd check`; yield a line for each wrong verdict."""
    title("2. Evaluate the projects with the command: what is wrong, where, and how to fix it")
    for name, may_deploy in EXAMPLES.items():
        command = f"policyd check deploy/examples/{name}"
        done = run(command)
        print(f"exit code {done.returncode}\n")
        if done.returncode != (0 if may_deploy else 1):
            yield f"{command}: exit code {done.returncode}"


def evaluate_with_webhook(url: str) -> Iterator[str]:
    """Evaluate each example with the webhook, as a CI job does; yield a line for each failure."""
    title("3. Evaluate them with curl, as a CI job does: with fail=true a denial is HTTP 403")
    if not shutil.which("curl"):
        yield "curl is not installed: install it, and run this again"
        return
    for name, may_deploy in EXAMPLES.items():
        repository = name.partition("/")[0]
        done = run(
            f"tar -czf - -C deploy/examples/{name} . | "
            "curl -sS --data-binary @- -H Content-Type:application/gzip -w '\\n%{http_code}' "
            f"'{url}/v1/review?repository=acme/{repository}&environment=prod&host=gpu-01&fail=true'",
            show=summary,
        )
        print()
        if not done.stdout.endswith("200" if may_deploy else "403"):
            yield f"{name} at the webhook: {done.stdout}"


def summary(output: str) -> str:
    """Return a short form of a response of the webhook: JSON followed by the status code."""
    body, _, code = output.rpartition("\n")
    try:
        response = json.loads(body)["response"]
        verdict = "allowed" if response["allowed"] else "denied"
        lines = [f"HTTP {code}, {verdict}: {response['status']['message']}"]
        lines += [f"  fix: {violation['remediation']}" for violation in response["violations"][:1]]
        lines += [
            f"  grant: {grant['service']}, {grant['method']}, {json.dumps(grant['devices'])}"
            for grant in response["grants"]
            if response["allowed"]
        ]
    except (ValueError, LookupError, TypeError):
        return f"{output}\n"
    return "\n".join(lines) + "\n"


def show_the_log() -> None:
    """Print the decisions and the grants that were recorded."""
    title("4. The audit log: every decision, and who holds which GPU")
    run("policyd audit list")
    print()
    run("policyd audit grants")
    print()
    run("policyd audit verify")
    print()


def run(
    command: str, show: Callable[[str], str] = lambda output: output
) -> subprocess.CompletedProcess[str]:
    """Run `command` in a shell; print the command, and its output as `show` returns it."""
    print(f"{BOLD}$ {command}{PLAIN}", flush=True)
    done = subprocess.run(
        command,
        shell=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(show(done.stdout), end="")
    return done


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n{BOLD}{text}{PLAIN}\n")


def say(*lines: str) -> None:
    """Print `lines`."""
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
