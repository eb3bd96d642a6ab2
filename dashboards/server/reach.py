"""The address by which other computers and phones find this server, or that none can.

A name of this computer is often known to nobody else on a network, so where the server listens on all addresses its
own address on the network is told. Opening the port is `dashboards.server.serve`.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from dashboards.server.settings import Settings, is_loopback

ANY = ("0.0.0.0", "::")
# addresses kept for documentation: nothing is sent, the system only says from which of its own it would
_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def own_address() -> str | None:
    """Return this computer's address on its network, None when it is on none."""
    for family, far in _FAR:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect((far, 9))
            found = str(one.getsockname()[0])
            if not ipaddress.ip_address(found.partition("%")[0]).is_loopback:
                return found
    return None


def host_told(settings: Settings) -> str:
    """Return the host that users type: the one it listens on, or of all addresses the one on the network."""
    if settings.host not in ANY:
        return settings.host.strip("[]")
    return own_address() or socket.gethostname()


def joined_at(settings: Settings, host: str, port: int) -> str | None:
    """Return host and port that other devices open, None when no other device can reach this server.

    Parameters
    ----------
    settings
        As the server was started.
    host
        The Host header of whoever asks: what their browser calls this server.
    port
        The port it listens on.
    """
    name = urlsplit(f"//{host}").hostname or ""
    if name and not is_loopback(name):
        return host  # called by another name than loopback: so may others
    if settings.loopback:
        return None
    told = host_told(settings)
    return f"{f'[{told}]' if ':' in told else told}:{port}"
