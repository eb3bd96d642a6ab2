"""Files that never change while the server runs: compressed once, then handed out from memory.

Two kinds: the modules and styles of `dashboards/web` under ``/static/``, and the scripts that Dash's packages bring,
whose addresses carry their version, so that a browser keeps them. Nothing outside these two places can be reached.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

WEB = Path(__file__).resolve().parent.parent / "web"
KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
COMPRESSED = (".js", ".mjs", ".css", ".svg", ".json", ".txt")
LEAST_COMPRESSED_BYTES = 500
LEVEL = 6

router = APIRouter()


@dataclass(frozen=True)
class Held:
    """A file as it is sent."""

    plain: bytes
    zipped: bytes | None
    kind: str
    tag: str


class Shelf:
    """Files held in memory with their compressed form; safe to ask from several threads."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()

    def put(self, name: str, content: bytes, suffix: str) -> Held:
        """Hold a file and return it; compressing happens here, once."""
        zipped = None
        if suffix in COMPRESSED and len(content) >= LEAST_COMPRESSED_BYTES:
            zipped = gzip.compress(content, LEVEL, mtime=0)
        kind = KINDS.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
        held = Held(content, zipped, kind, f'"{hashlib.sha256(content).hexdigest()[:20]}"')
        with self._lock:
            self._held[name] = held
        return held

    def get(self, name: str) -> Held | None:
        """Return what is held under a name."""
        return self._held.get(name)


shelf = Shelf()


def answer(request: Request, held: Held, cache: str) -> Response:
    """Return a held file, compressed where the browser takes it, or 304 where it has it already."""
    headers = {"Cache-Control": cache, "ETag": held.tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == held.tag:
        return Response(status_code=304, headers=headers)
    if held.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(held.zipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=held.kind)
    return Response(held.plain, headers=headers, media_type=held.kind)


@router.get("/static/{name:path}", include_in_schema=False)
def static(request: Request, name: str) -> Response:
    """A file of `dashboards/web`; asked again at each visit, sent again only when it changed."""
    try:
        path = (WEB / name).resolve()
        there = path.is_relative_to(WEB) and path.suffix in KINDS and path.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        there = False
    if not there:
        raise HTTPException(404, "no such file")
    stamp = f"static:{path}:{path.stat().st_mtime_ns}"
    held = shelf.get(stamp) or shelf.put(stamp, path.read_bytes(), path.suffix)
    return answer(request, held, "no-cache")
