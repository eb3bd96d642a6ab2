"""The protocol of our websockets: uvicorn's, with a way to cut off a client that takes nothing.

Closing in order needs a client that reads; one that does not would hold its socket until pings give it up. What is
sent and when is decided where sockets are served.
"""

from __future__ import annotations

from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

CLOSE_S = 2.0
"""How long a client may take to answer that its socket is closed; whoever does not holds a place so long."""
REFUSED = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
ABORT = "gridwhistle.abort"
"""Name of the extension in a socket's scope: a function that drops the connection and what waits in it at once."""


class Protocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol; a socket's scope can drop the connection, and broken text is no fault of ours."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.close_timeout = CLOSE_S

    def data_received(self, data: bytes) -> None:
        """Take in what came; a handshake comes whole, so one that is not understood is refused, not waited for."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(REFUSED)
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """Hand a message on; one that is no UTF-8 ends the socket without a word in the log."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                if self.conn.state is State.OPEN:  # else the client has said in the same breath that it closes
                    self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_connect(self, event: Any) -> None:
        """Begin a connection."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)  # none when the handshake was refused
        if scope is not None:
            scope["extensions"][ABORT] = self.transport.abort


async def received(socket: WebSocket) -> str:
    """Return the next message; one of bytes is an empty text, which nobody's message is.

    Raises
    ------
    WebSocketDisconnect
        The client left.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1000)
    return message.get("text") or ""
