"""The protocol of our websockets: uvicorn's, with a way to cut off a client that takes nothing.

Closing in order needs a client that reads; one that does not would hold its socket until pings give it up. What is
sent and when is `dashboards.drill.socket`.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

ABORT = "gridwhistle.abort"
"""Name of the extension in a socket's scope: a function that drops the connection and what waits in it at once."""


class Protocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol; a socket's scope can drop the connection."""

    def handle_connect(self, event: Any) -> None:
        """Begin a connection."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)  # none when the handshake was refused
        if scope is not None:
            scope["extensions"][ABORT] = self.transport.abort
