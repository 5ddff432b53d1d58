"""HTTP/1.1 on loopback: one thread per connection; connections stay open between calls.

werkzeug's own handler closes after every answer and waits 10 ms before it does; SDKs keep their connections.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import socket
import sys
from collections.abc import Callable
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes

from housing.rehearsal.aws.moto_calls import SPELLED
from housing.rehearsal.aws.services import Environ
from housing.rehearsal.responses import HttpResponse

_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE | re.ASCII)
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)\r\n")
_LONGEST_LINE, _MOST_LINES = 65_536, 100
"""As in http.client, the empty line included."""
_log = logging.getLogger(__name__)

Answer = Callable[[Environ, bytes], HttpResponse]


class ConnectionLost(Exception):
    """The call was executed; break the connection instead of answering."""


class Server(ThreadingHTTPServer):
    """Answers calls with a function of the request, as WSGI describes it, and its body. `port` 0: any."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Answer) -> None:
        self.answer = answer
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def server_bind(self) -> None:
        # Instead of HTTPServer's: that one resolves the host's name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the connections that clients keep open, so that they notice."""
        super().server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed break their connections, which is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            _log.exception("%s, a connection of %s", request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm on, an answer in two packets takes 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1

    def parse_request(self) -> bool:
        """As in the base class, which parses headers with the email package: that takes longer than many an answer."""
        lines = _head(self.rfile)
        words = self.raw_requestline.decode("latin-1").rstrip("\r\n").split(" ")
        headers = _plain(lines)
        if headers is None or len(words) != 3 or words[2] != "HTTP/1.1" or words[1].startswith("//"):
            stream, self.rfile = self.rfile, io.BytesIO(b"".join(lines))
            try:
                return super().parse_request()
            finally:
                self.rfile = stream
        self.command, self.path, self.request_version = words
        self.requestline, self.headers, self.close_connection = " ".join(words), headers, False
        return True

    def _answer(self) -> None:
        if problem := _problem(self.headers.get_all("Host", []), self.headers.get_all("Origin", [])):
            self._refuse(problem)
            return
        body = self._body()
        try:
            answer = self.server.answer(self._environ(body), body)
        except ConnectionLost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers.items():
            if name.lower() == "content-length":
                length = str(value) if self.command == "HEAD" else length
            elif name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, str(value))
        if answer.status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def __getattr__(self, name: str) -> Any:
        """`do_GET` and so on: all methods are answered alike."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _refuse(self, why: str) -> None:
        """Called before the body is read, so that the connection cannot be used again."""
        self.close_connection = True
        body = json.dumps({"__type": "AccessDeniedException", "message": why}).encode()
        self.send_response(403)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("x-amzn-ErrorType", "AccessDeniedException")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            blocks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                blocks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(blocks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _environ(self, body: bytes) -> Environ:
        path, _, query = self.path.partition("?")
        environ: Environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.multithread": True,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            SPELLED: {},
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
            if "_" in name:
                if not name.lower().startswith("x-amz-meta-"):
                    continue
                environ[SPELLED][key] = name
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def version_string(self) -> str:
        return "rehearsal"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Calls are not logged one by one: a job makes hundreds."""


def _head(stream: io.BufferedIOBase) -> list[bytes]:
    """The lines up to the empty one, or one more than are allowed."""
    lines: list[bytes] = []
    while len(lines) <= _MOST_LINES:
        lines.append(stream.readline(_LONGEST_LINE + 1))
        if lines[-1] in (b"\r\n", b"\n", b"") or len(lines[-1]) > _LONGEST_LINE:
            break
    return lines


def _plain(lines: list[bytes]) -> HTTPMessage | None:
    """Headers of one line each, none of them `Connection` or `Expect`; None for all others."""
    headers = HTTPMessage()
    *named, end = lines
    for line in named:
        found = _HEADER.fullmatch(line)
        if found is None or found[1].lower() in (b"connection", b"expect"):
            return None
        headers[found[1].decode()] = found[2].decode("latin-1")
    return headers if end == b"\r\n" and len(lines) <= _MOST_LINES else None


def _problem(hosts: list[str], origins: list[str]) -> str | None:
    """Why the request is refused as one from a web page (DNS rebinding, cross-site); None for an ordinary client."""
    if len(hosts) != 1 or not _LOOPBACK.fullmatch(hosts[0]):
        return f"the rehearsal answers to localhost and 127.0.0.1, not to {', '.join(hosts)[:100]!r}"
    if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
        return f"the rehearsal answers to no web page, and to none of {', '.join(origins)[:100]!r}"
    return None
