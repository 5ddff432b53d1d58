"""A door in front of a rehearsal, through which calls are seen, and in which one of them can be held up."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

READS = ("Describe", "List", "Get", "Head", "Search", "Invoke", "Filter")
_OF_S3 = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "POST": "PostObject", "DELETE": "DeleteObject"}
_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Gateway:
    """Passes every call on to `target`, until the one that changes something and is the `last`: that one and all after
    it never arrive, and `held` is set. `seen` counts the calls by name, `operations` are `<service>:<name>`, of S3 only
    that it was called."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target).netloc
        self._lock = threading.Lock()
        self.open()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                gateway._pass_on(self)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Whoever was killed does not hang up politely."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def open(self, last: int | None = None) -> None:
        """Let everything pass from now on, or all before the call of this number, counted from 1."""
        with self._lock:
            self.seen: Counter[str] = Counter()
            self.changes: list[str] = []
            self.operations: set[str] = set()
            self._last = last
            self.held = threading.Event()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _passes(self, name: str) -> bool:
        with self._lock:
            if self.held.is_set():
                return False
            self.seen[name] += 1
            if not name.startswith(READS):
                self.changes.append(name)
                if self._last is not None and len(self.changes) >= self._last:
                    self.held.set()
                    return False
            return True

    def _pass_on(self, call: BaseHTTPRequestHandler) -> None:
        body = _body(call)
        name, service = _name(call, body), _service(call)
        self.operations.add(service if service == "s3" else f"{service}:{name}")
        if not self._passes(name):
            call.close_connection = True
            threading.Event().wait(30)  # by then its caller is dead
            return
        connection = http.client.HTTPConnection(self._target, timeout=120)
        # The host is part of what was signed.
        connection.putrequest(call.command, call.path, skip_host=True, skip_accept_encoding=True)
        for key, value in call.headers.items():
            if key.lower() not in ("transfer-encoding", "expect", "content-length", "connection"):
                connection.putheader(key, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        call.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in _HOP:
                call.send_header(key, value)
        length = answer.getheader("Content-Length") if call.command == "HEAD" else None
        call.send_header("Content-Length", length or str(len(content)))
        call.end_headers()
        call.wfile.write(content)
        connection.close()


def _service(call: BaseHTTPRequestHandler) -> str:
    """As the scope of the signature has it."""
    _, _, scope = call.headers.get("Authorization", "").partition("Credential=")
    service = (scope.partition(",")[0].split("/") + ["?"] * 4)[3]
    return {"monitoring": "cloudwatch"}.get(service, service)


def _body(call: BaseHTTPRequestHandler) -> bytes:
    if call.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return call.rfile.read(int(call.headers.get("Content-Length") or 0))
    pieces = []
    while size := int(call.rfile.readline().split(b";")[0], 16):
        pieces.append(call.rfile.read(size))
        call.rfile.readline()
    call.rfile.readline()
    return b"".join(pieces)


def _name(call: BaseHTTPRequestHandler, body: bytes) -> str:
    """What the call is, as each of AWS's protocols says it; of S3 only whether it reads or writes."""
    if target := call.headers.get("X-Amz-Target"):
        return str(target.rpartition(".")[2])
    path = urlsplit(call.path).path
    if "/operation/" in path:
        return path.rpartition("/")[2]
    if path.endswith(("/invocations", "/async-invocations")):
        return "InvokeEndpoint"
    if call.headers.get_content_type() == "application/x-www-form-urlencoded" and b"Action=" in body:
        return parse_qs(body.decode())["Action"][0]
    return _OF_S3[call.command]
