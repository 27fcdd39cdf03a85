"""Show the console with a made-up history: `make demo-console`.

    python -m tests.demo_console [PORT]

Records a quarter of decisions of five teams on three hosts, up to now, in a temporary folder,
serves it on PORT of the loopback address (default 8093) and prints the address of the console. It
stops with Ctrl-C or SIGTERM, and removes the folder.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.support.history import record

PORT = 8093


def main() -> int:
    """Record the history, and serve it until the server ends or Ctrl-C."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="policyd-console-") as folder:
        print("Recording a made-up quarter of decisions …", flush=True)
        history = record(Path(folder), end=datetime.now(UTC))
        print(f"{history.decisions:,} decisions are in {history.audit}")
        print(f"The console is at http://127.0.0.1:{port}/console/ until Ctrl-C.", flush=True)
        with served(history.folder, port) as server:
            try:
                return server.wait()
            except KeyboardInterrupt:
                return 0


@contextmanager
def served(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the history in `folder` while the context is open."""
    policyd = Path(sys.executable).parent / "policyd"
    server = subprocess.Popen(
        [policyd, "serve", "--config", "policyd.toml", "--listen", f"127.0.0.1:{port}"], cwd=folder
    )
    try:
        yield server
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
