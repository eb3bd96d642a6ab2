"""The rooms that a server holds: opened by trainers, found by code, bounded in number.

Room codes are of letters and digits that nobody confuses; a controller's code is longer. Wrong codes are counted by
`dashboards.server.access.Sessions`, so that nobody can try them all.
"""

from __future__ import annotations

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
from dashboards.drill.damage import Damage, damage_of, kept_aside
from dashboards.drill.room import Room
from dashboards.server.state import FOLDER_NAME, changed_s, state_of
from dashboards.server.threads import ROOMS, away
from dashboards.texts import LANGUAGES
from scenarios.drill import Drill, Recording
from scenarios.drill.ground import copied
from scenarios.drill.replaying import written_on
from sim.errors import InputError

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH, CONTROL_LENGTH = 6, 10
MOST_ROOMS, MOST_LISTED, MOST_LOOKED_AT = 12, 12, 500
MOST_FIRST_LINE = 2_000_000
"""Bytes of the line that holds the exercise."""
IDLE_S = 12 * 3600.0
DRILLS = "drills"
RECORDING = "recording.jsonl"


@dataclass(frozen=True)
class Unfinished:
    """A recording of a drill that was not ended, and what is wrong with it."""

    folder: str
    title: dict[str, str]
    damage: Damage | None = None


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
        return self.add(*await away(ROOMS, self._begun, await made))

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
            damage = await away(ROOMS, damage_of, folder / RECORDING)
            drill, read = await self.builder.recording(folder / RECORDING, gone)
            await away(ROOMS, written_on, drill, read, folder / RECORDING)
            room = self.add(drill, folder)
            if damage is not None:
                room.tell_controllers("recovered", damage.recovered(kept_aside(folder / RECORDING)))
            return room
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
        for path in sorted(self.folder.glob(f"*/{RECORDING}"), key=lambda p: -changed_s(p))[:MOST_LOOKED_AT]:
            if path.parent in used or not FOLDER_NAME.fullmatch(path.parent.name) or not _is_open(path):
                continue
            title = _title(path) or dict.fromkeys(LANGUAGES, path.parent.name)
            out.append(Unfinished(path.parent.name, title, damage_of(path)))
            if len(out) == MOST_LISTED:
                break
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


def _is_open(path: Path) -> bool:
    """Whether a recording was begun, which takes its first line, and does not hold the end of its drill."""
    try:
        with path.open("rb") as stream:
            begun = stream.readline(MOST_FIRST_LINE).endswith(b"\n")
            stream.seek(max(0, path.stat().st_size - 20_000))
            return begun and b'"kind":"finish"' not in stream.read()
    except OSError:
        return False


def _title(path: Path) -> dict[str, str] | None:
    """Return the title of a recording's exercise; None when its first line cannot be read."""
    try:
        with path.open("rb") as stream:
            title = json.loads(stream.readline(MOST_FIRST_LINE))["data"]["exercise"]["title"]
        return {lang: str(title[lang])[:200] for lang in LANGUAGES}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
