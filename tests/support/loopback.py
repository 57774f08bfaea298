"""A web server on 127.0.0.1 that answers from a table, so that tests fetch without a network."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """One response. ``announced`` overrides Content-Length, to play a transfer that breaks off."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None


@dataclass
class Request:
    """What was asked for, and how many bytes of body went out for it."""

    method: str
    path: str
    sent: int


class Loopback:
    """``answers`` maps a path (its query cut off) to an answer, or to a function of the number of earlier requests."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, Answer | Callable[[int], Answer]] = {}
        self.requests: list[Request] = []

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]


@contextmanager
def loopback() -> Iterator[Loopback]:
    """A server that lives as long as the block; unknown paths answer 404, ranges of a 200 are served as 206."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            answer = state.answers.get(path, Answer(status=404))
            if callable(answer):
                answer = answer(len(state.asked(path)))
            body, status, headers = answer.body, answer.status, dict(answer.headers)
            span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if span and status == 200:
                first, last = int(span[1]), min(int(span[2]), len(body) - 1)
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                body, status = body[first : last + 1], 206
            state.requests.append(Request(self.command, path, len(body)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if answer.announced is None else answer.announced))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)
            if answer.announced is not None:
                self.close_connection = True

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state = Loopback(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def raw_server(answer: bytes | None) -> Iterator[str]:
    """The address of a server that sends the same bytes to everyone (None: nothing, and keeps the connection)."""
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connections.append(connection)
            if answer is not None:
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(2)
        for connection in connections:
            connection.close()


@contextmanager
def loopback_for_all(status: int, wait: float = 0.0) -> Iterator[str]:
    """The address of a server that answers every request, of whatever method, with ``status`` and an empty object,
    ``wait`` seconds late."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(wait)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_PUT = do_HEAD = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Connections cut short are none of the test's business."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
