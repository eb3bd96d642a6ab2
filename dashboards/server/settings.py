"""What the server is told at its start: where it listens, whom it lets in, which folders it shows.

Everything is checked before a port is opened. Nothing here listens or answers; tokens are kept as SHA-256 digests
only, so that neither a log nor an error message can hold one.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from sim.errors import InputError

ROLES = ("viewer", "planner", "trainer")
"""Who may do what, each also what the former may: look; submit and cancel runs, upload scenarios; lead drills."""
LEAST_TOKEN = 16
MOST_TOKENS_FILE_BYTES = 64_000
_NAME = re.compile(r"[\w.\-]{1,40}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True)
class User:
    """Somebody who is let in: a name that others see beside their jobs, and a role."""

    name: str
    role: str

    def may(self, role: str) -> bool:
        """Whether the user's role covers ``role``; an unknown role is covered by none."""
        return role in ROLES and ROLES.index(self.role) >= ROLES.index(role)


LOCAL = User("local", "trainer")
"""The user of a server that listens on loopback without tokens: whoever sits at this computer."""


@dataclass(frozen=True)
class Settings:
    """The server's settings; see :func:`settings` for the checked way to make them.

    Attributes
    ----------
    host, port
        Where it listens.
    results
        Folder whose subfolders are results.
    scenarios
        Folder of the users' own scenarios; uploads are written here.
    users
        SHA-256 (hex) of a token -> its user; empty: no token is asked for.
    names
        Host names, beside the usual ones, by which the server may be called.
    lang
        Language of a visitor who has not chosen one and whose browser does not say.
    concurrent
        Jobs that run at once.
    proxies
        Addresses or networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    results: Path = Path("results")
    scenarios: Path = Path("my-scenarios")
    users: dict[str, User] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = ()
    lang: str = "en"
    concurrent: int = 1
    proxies: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        """Whether only programs of this computer can connect."""
        return is_loopback(self.host)


def settings(
    host: str = "127.0.0.1",
    port: int = 8321,
    results: Path | str = "results",
    scenarios: Path | str = "my-scenarios",
    token_file: Path | str | None = None,
    names: tuple[str, ...] = (),
    lang: str = "en",
    concurrent: int = 1,
    proxies: tuple[str, ...] = (),
) -> Settings:
    """Return checked settings.

    Raises
    ------
    InputError
        Listening off loopback or behind a proxy without tokens; an impossible port, host or proxy; an unreadable, open
        or wrong token file; a results or scenarios path that is a file.
    """
    if not (_HOST.fullmatch(host) or _address(host)):
        raise InputError("not a host", field="--host", found=host, allowed="a name or an address, such as 127.0.0.1")
    if not 0 <= port <= 65535:
        raise InputError("impossible port", field="--port", found=port, allowed="0 to 65535; 0 takes a free one")
    if not 1 <= concurrent <= 64:
        raise InputError("impossible number", field="--concurrent", found=concurrent, allowed="1 to 64")
    for name in names:
        if not _HOST.fullmatch(name):
            raise InputError("not a host name", field="--name", found=name, allowed="letters, digits, '-' and '.'")
    users = read_tokens(Path(token_file)) if token_file is not None else {}
    if not users and not is_loopback(host):
        raise InputError(
            "other computers could reach this server, so it needs a token", field="--token-file", found=host,
            allowed="--token-file FILE with one 'role name token' on each line, or --host 127.0.0.1",
        )  # fmt: skip
    for proxy in proxies:
        _check_proxy(proxy, bool(users))
    for flag, folder in (("--results", Path(results)), ("--scenarios", Path(scenarios))):
        if folder.exists() and not folder.is_dir():
            raise InputError("this is a file, not a folder", file=folder, field=flag)
    known = tuple(name.lower() for name in names)
    return Settings(host, port, Path(results), Path(scenarios), users, known, lang, concurrent, proxies)


def _check_proxy(proxy: str, tokens: bool) -> None:
    """Refuse a proxy that is no address, and one through which strangers would come in without a token."""
    try:
        ipaddress.ip_network(proxy)
    except ValueError:
        raise InputError(
            "not the address of a proxy", field="--trusted-proxy", found=proxy,
            allowed="an address or a network, such as 10.0.0.2 or 10.0.0.0/24",
        ) from None  # fmt: skip
    if not tokens:
        raise InputError(
            "a proxy lets other computers in, so the server needs a token", field="--token-file", found=proxy,
            allowed="--token-file FILE with one 'role name token' on each line",
        )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether a host is this computer alone; names other than ``localhost`` are not trusted to be."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def digest(token: str) -> str:
    """Return a token's SHA-256 (hex); the form in which tokens are kept and compared."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def read_tokens(file: Path) -> dict[str, User]:
    """Read a token file: ``role name token`` on each line, ``#`` begins a comment.

    Raises
    ------
    InputError
        Unreadable, readable by everybody, a line of another form, an unknown role, a short or repeated token, none.
    """
    users: dict[str, User] = {}
    for number, line in enumerate(_token_lines(file), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 3:
            raise InputError(
                "not a token line", file=file, line=number, found=f"{len(words)} words", allowed="role name token"
            )
        role, name, token = words
        if role not in ROLES:
            raise InputError("unknown role", file=file, line=number, found=role, allowed=ROLES)
        if not _NAME.fullmatch(name):
            raise InputError(
                "not a name", file=file, line=number, found=name, allowed="up to 40 letters, digits, '.', '-' and '_'"
            )
        if len(token) < LEAST_TOKEN:
            raise InputError(
                "a token is too short", file=file, line=number, found=f"{len(token)} characters",
                allowed=f"at least {LEAST_TOKEN}, such as 'openssl rand -hex 24' prints",
            )  # fmt: skip
        if digest(token) in users:
            raise InputError("a token stands twice", file=file, line=number, allowed="another token for each user")
        users[digest(token)] = User(name, role)
    if not users:
        raise InputError("the token file holds no token", file=file, allowed="one 'role name token' on each line")
    return users


def _token_lines(file: Path) -> list[str]:
    try:
        mode, size = file.stat().st_mode, file.stat().st_size
        if size > MOST_TOKENS_FILE_BYTES:
            raise InputError("the token file is too large", file=file, allowed=f"{MOST_TOKENS_FILE_BYTES:,} bytes")
        if os.name == "posix" and mode & (stat.S_IROTH | stat.S_IWOTH):
            raise InputError("everybody on this computer can read the token file", file=file, allowed="chmod 600")
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError("the token file is not UTF-8 text", file=file) from None
    except OSError as error:
        raise InputError(f"the token file cannot be read ({error.strerror})", file=file) from None
