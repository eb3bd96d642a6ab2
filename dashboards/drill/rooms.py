"""The rooms that a server holds: opened by trainers, found by code, bounded in number.

Room codes are of letters and digits that nobody confuses; a controller's code is longer. Wrong codes are counted by
`dashboards.server.access.Sessions`, so that nobody can try them all.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import secrets
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import HTTPConnection

from dashboards.drill.building import Builder, Built, Gone
from dashboards.drill.room import Room
from dashboards.server.state import FOLDER_NAME, state_of
from scenarios.drill import Drill, Recording
from scenarios.drill.ground import copied
from scenarios.drill.replaying import written_on
from sim.errors import InputError

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH, CONTROL_LENGTH = 6, 10
MOST_ROOMS, MOST_LISTED = 12, 12
IDLE_S = 12 * 3600.0
DRILLS = "drills"
RECORDING = "recording.jsonl"


@dataclass(frozen=True)
class Unfinished:
    """A recording of a drill that was not ended; without a title when its first line is damaged."""

    folder: str
    title: dict[str, str]


class Rooms:
    """All rooms of one server.

    Parameters
    ----------
    results
        Folder of results; recordings go below it.
    """

    def __init__(self, results: Path) -> None:
        self.folder = results / DRILLS
        self._rooms: dict[str, Room] = {}
        self._taking: set[Path] = set()
        self.builder = Builder()

    def find(self, code: str) -> Room | None:
        """Return the room of a code, typed in any case and with spaces."""
        room = self._rooms.get("".join(code.upper().split()).replace("-", ""))
        if room is None or room.closed:
            return None
        room.used_at = time.monotonic()
        return room

    def open_rooms(self) -> list[Room]:
        """Return the open rooms, oldest first."""
        return [room for room in self._rooms.values() if not room.closed]

    async def open(self, made: Awaitable[Built]) -> Room:
        """Open a room for an exercise that is built outside this process.

        Raises
        ------
        InputError
            It cannot be built, all rooms are in use, or the recording cannot be written.
        """
        self._room_left()
        return self.add(*await asyncio.to_thread(self._begun, await made))

    def _begun(self, built: Built) -> tuple[Drill, Path]:
        folder = self._new_folder(built.ground.exercise.name)
        try:
            recording = Recording(folder / RECORDING)
            world = copied(built.world)
            return Drill(built.ground.exercise, recording=recording, ground=built.ground, world=world), folder
        except InputError:
            (folder / RECORDING).unlink(missing_ok=True)  # nothing was played: not even its first line could be written
            with suppress(OSError):
                folder.rmdir()
            raise

    async def take_up(self, name: str, gone: Gone) -> Room:
        """Take up a drill that was not ended, from its recording; it comes back paused, in one room only.

        Raises
        ------
        InputError
            No such recording, it is in use or over, or it cannot be played again.
        """
        self._room_left()
        folder = self.folder / name
        if not FOLDER_NAME.fullmatch(name) or not (folder / RECORDING).is_file():
            raise InputError("no recording of that name", field="recording", found=name)
        if folder in self._taking or any(room.folder == folder for room in self.open_rooms()):
            raise InputError("this drill is being played in a room", field="recording", found=name)
        self._taking.add(folder)
        try:
            drill, read = await self.builder.recording(folder / RECORDING, gone)
            await asyncio.to_thread(written_on, drill, read, folder / RECORDING)
            return self.add(drill, folder)
        finally:
            self._taking.discard(folder)

    def add(self, drill: Drill, folder: Path) -> Room:
        """Open a room for a drill and start its clock; called in the event loop."""
        try:
            self._room_left()
        except InputError:
            drill.recording.close()
            raise
        code = self._code()
        room = Room(code, _random(CONTROL_LENGTH), drill, folder)
        self._rooms[code] = room
        room.begin()
        return room

    def unfinished(self) -> list[Unfinished]:
        """Return recordings that were not ended and are not in a room, the newest first."""
        if not self.folder.is_dir():
            return []
        used = {room.folder for room in self.open_rooms()}
        out = []
        for path in sorted(self.folder.glob(f"*/{RECORDING}"), key=lambda p: -p.stat().st_mtime)[:MOST_LISTED]:
            if path.parent in used or not FOLDER_NAME.fullmatch(path.parent.name):
                continue
            if (title := _open_title(path)) is not None:
                out.append(Unfinished(path.parent.name, title))
        return out

    def _room_left(self) -> None:
        now = time.monotonic()
        for code, room in list(self._rooms.items()):
            if room.closed or (now - room.used_at > IDLE_S and not room.hub.clients):
                if not room.closed:
                    room.background(room.close())
                    room.closed = True
                del self._rooms[code]
        if len(self._rooms) >= MOST_ROOMS:
            raise InputError("all rooms of this server are in use; close one first", field="room", found=MOST_ROOMS)

    def _code(self) -> str:
        while (code := _random(CODE_LENGTH)) in self._rooms:
            pass
        return code

    def _new_folder(self, name: str) -> Path:
        stamp = f"{name[:60]}-{dt.datetime.now(dt.UTC).strftime('%Y%m%d-%H%M%S')}"
        folder, number = self.folder / stamp, 1
        while True:
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                number += 1
                folder = self.folder / f"{stamp}-{number}"
            except OSError as error:
                raise InputError("the recording cannot be written", file=folder, found=error.strerror) from error


def rooms_of(connection: HTTPConnection) -> Rooms:
    """Return the rooms of the server that answers."""
    app = connection.app
    if not hasattr(app.state, "drill_rooms"):
        app.state.drill_rooms = Rooms(state_of(connection).settings.results)
    found: Rooms = app.state.drill_rooms
    return found


def _open_title(path: Path) -> dict[str, str] | None:
    """Return the title of a recording that is not over, empty for a damaged one; None for what is over or is none."""
    try:
        with path.open("rb") as stream:
            first = stream.readline(2_000_000)
            stream.seek(max(0, path.stat().st_size - 20_000))
            over = b'"kind":"finish"' in stream.read()
    except OSError:
        return None
    if over or not first.endswith(b"\n"):  # not even the first line was written
        return None
    try:
        title = json.loads(first)["data"]["exercise"]["title"]
        return {"en": str(title["en"]), "zh": str(title["zh"])}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
