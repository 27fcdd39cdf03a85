"""A small HTTP server that answers as OPA's Data API does, where no OPA is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import regorus

from policyd.policies.policy_set import PolicySet


@contextmanager
def opa_stand_in(policy_set: PolicySet) -> Iterator[str]:
    """Yield the URL of a server that holds `policy_set`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            rule = "data." + self.path.partition("?")[0].removeprefix("/v1/data/").replace("/", ".")
            interpreter = regorus.Engine()
            for name, text in policy_set.modules.items():
                interpreter.add_policy(name, text)
            interpreter.add_data_json(json.dumps(policy_set.data))
            interpreter.set_input_json(json.dumps(body["input"]))
            try:
                answer = (200, {"result": json.loads(interpreter.eval_rule_as_json(rule))})
            except RuntimeError as error:
                answer = (500, {"code": "internal_error", "message": str(error).splitlines()[-1]})
            self._reply(answer[0], {**answer[1], "provenance": self._provenance()})

        def _provenance(self) -> dict[str, object]:
            return {"bundles": {"policyd": {"revision": policy_set.revision}}}

        def _reply(self, code: int, document: dict[str, object]) -> None:
            content = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
