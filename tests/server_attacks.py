"""A real server on a real port for tests that attack it, and raw requests that no client library would send."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dashboards.server.serve import listen, server_for
from dashboards.server.settings import Settings


class Served:
    """A server that runs in a thread of this process."""

    def __init__(self, given: Settings) -> None:
        self.bound = listen(given)
        self.server = server_for(given)
        self.port = self.bound.getsockname()[1]
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.bound]}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def state(self):
        return self.server.config.app.state.gridwhistle

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        made.settimeout(30)
        return made

    def raw(self, content: bytes) -> bytes:
        """Send bytes and return the answer's, until the server closes or has said all."""
        with self.connect() as wire:
            wire.sendall(content)
            return received(wire)


def received(wire: socket.socket, until_s: float = 30.0) -> bytes:
    """Return what comes until the end, or until the answer's body is whole."""
    end, parts = time.monotonic() + until_s, b""
    while time.monotonic() < end:
        piece = wire.recv(65536)
        if not piece:
            break
        parts += piece
        head, _, body = parts.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:") and len(body) >= int(line.partition(b":")[2]):
                return parts
    return parts


@contextmanager
def served(given: Settings) -> Iterator[Served]:
    one = Served(given)
    one.thread.start()
    end = time.monotonic() + 120
    while not one.server.started:
        assert time.monotonic() < end and one.thread.is_alive()
        time.sleep(0.02)
    try:
        yield one
    finally:
        one.server.should_exit = True
        one.thread.join(30)
        one.bound.close()
