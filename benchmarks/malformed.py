"""The server under malformed input: every route and socket, and how much another client is slowed meanwhile.

A real server in a process of its own, with a study, a scenario and a drill room; `benchmarks.malformations` reads its
routes and makes the requests, one after another, and large bodies eight at once. Every kind is sent to every address;
of those that differ in a value alone, `LIKE` are drawn by a seed. A probe in a third process asks for small things all
the while. What an attack slows is the probe's longest wait while it went on above its median at rest;
where that is more than `AGAIN_MS` the attack is repeated and the smallest counts, since two processors are shared with
all else on the machine. Answers of 500 and more, tracebacks in the server's log and answers that never came are
counted; 503 and 507, by which a server says that it is busy or full, are not faults but are told.
"""

from __future__ import annotations

import itertools
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.figures import Bar, Measured
from benchmarks.malformations import Address, Attack, Sender, addresses, sample
from sim.errors import InputError

MALFORMED = (
    Bar("malformed_500", "answers of 500 to malformed input", "at most", 0),
    Bar("malformed_tracebacks", "the same, tracebacks in the server's log", "at most", 0),
    Bar("malformed_unanswered", "the same, requests that were neither answered nor closed", "at most", 0),
    Bar("malformed_slowed_ms", "the same, longest that another client is slowed (ms)", "at most", 100),
)
ANSWER_S, AGAIN_MS, REPEATS, AT_ONCE, REST_S = 40.0, 60.0, 6, 8, 5.0
LARGE_BYTES, TOLD, LIKE = 50_000, (503, 507), 2
SETTLING, PAUSE_S, NAMED = 6, 0.2, 30
CLIENTS = itertools.cycle([f"127.0.0.{n}" for n in range(2, 250)])
"""Addresses of the attacker: what one client gets wrong too often is answered late, which would only take time here."""
SEAT = "gridwhistle_seat"
PROBE = """
import http.client, sys, time
host, paths = sys.argv[1], ["/health", "/static/base.css", "/login"]
wire = http.client.HTTPConnection(host, timeout=60)
for n in range(10**9):
    begun = time.monotonic()
    try:
        wire.request("GET", paths[n % 3], headers={"Connection": "keep-alive"})
        wire.getresponse().read()
    except OSError:
        wire.close()
    print(begun, time.monotonic(), paths[n % 3], flush=True)
    time.sleep(0.01)
"""
"""What the other client does; standard library alone, so that it starts at once and takes little."""


Say = Callable[[str], None]


def measure(quick: bool = False, only: str = "", seed: int = 1, like: int = LIKE, say: Say = print) -> Measured:
    """Attack every route.

    Parameters
    ----------
    quick
        Send one in ten of the requests.
    only
        Attack only addresses whose method and path hold this, such as ``POST /drill``.
    seed, like
        Of attacks that differ in a value alone, so many are drawn for each address.
    say
        Told a line per address. Ctrl-C ends the attacks; the figures are then those of what was sent.

    Raises
    ------
    InputError
        When no address holds ``only``.
    """
    known = [to for to in addresses(_app()) if only in f"{to.method} {to.path}"]
    if not known:
        raise InputError("no address holds this", field="--only", found=only, allowed="a part of a method and path")
    with tempfile.TemporaryDirectory() as folder, _site(Path(folder)) as (host, values, log):
        return _Siege(host, values, log, say).result(known, seed, like, 10 if quick else 1)


@contextmanager
def _site(folder: Path) -> Iterator[tuple[str, dict[str, str], Path]]:
    """Serve a study and a scenario from another process; yields host and port, values that are there, and the log."""
    from benchmarks.dashboard import SCENARIO
    from scenarios.experiment import Experiment
    from scenarios.library import load

    own, results, log = folder / "own", folder / "results", folder / "log"
    own.mkdir()
    (own / "small-district.yaml").write_text(SCENARIO, encoding="utf-8")
    made = Experiment(load(own / "small-district.yaml"))
    made.run(workers=1, store=results / made.default_folder().name)
    command = [sys.executable, "-m", "gridwhistle", "dashboard", "--port", "0", "--results", str(results)]
    with log.open("wb") as stream:
        server = subprocess.Popen([*command, "--scenarios", str(own)], stdout=subprocess.PIPE, stderr=stream, text=True,
                                  start_new_session=True)  # Ctrl-C ends the benchmark alone  # fmt: skip
    try:
        assert server.stdout is not None
        url = next(w for line in server.stdout for w in line.split() if w.startswith("http://"))
        host = url.removeprefix("http://").rstrip("/")
        values = {
            "study": made.default_folder().name, "name": "small-district", "group": "assumed", "lang": "en",
            "chart": "differences", "exercise": "evening-wage-fire", "scenario": "small-district", "role": "controller",
        }  # fmt: skip
        yield host, values, log
    finally:
        server.terminate()
        server.wait(60)


class _Siege:
    """All attacks on one server, and what came of them."""

    def __init__(self, host: str, values: dict[str, str], log: Path, say: Say) -> None:
        self.host, self.values, self.log, self.say = host, values, log, say
        self.seconds: dict[str, float] = {}
        self.number, self.repeated = 0, 0
        self.statuses: Counter[int] = Counter()
        self.worst: list[tuple[float, str]] = []
        self.faults: list[str] = []
        self.sender = self._fresh()

    def _fresh(self) -> Sender:
        """Open a room, so that there is a seat to attack."""
        import httpx

        end = time.monotonic() + 300
        while True:
            try:
                opened = httpx.post(f"http://{self.host}/drill/open", data={"exercise": self.values["exercise"]},
                                    timeout=900)  # fmt: skip
                break
            except httpx.TransportError:
                assert time.monotonic() < end, "the server does not answer"
                time.sleep(0.2)
        path = opened.headers["location"].partition("?")[0]
        self.values["code"] = path.split("/")[2]
        return Sender(self.host, self.values, f"{SEAT}={opened.cookies[SEAT]}")

    def result(self, known: list[Address], seed: int, like: int, every: int) -> Measured:
        """Attack, and return the figures."""
        begun, interrupted = time.monotonic(), False
        with probing(self.host) as probe:
            rest = self._rest(probe)
            usual = statistics.median(rest)
            try:
                for done, to in enumerate(known, 1):
                    self._address(to, probe, usual, partial(self._drawn, to, seed + done, like, every))
                    self._tell(f"{done}/{len(known)} {to.method} {to.path}", begun)
            except KeyboardInterrupt:
                interrupted = True
                self.say("interrupted; the figures are of what was sent so far")
            after = statistics.median(probe.waits(time.monotonic() - 1.0, time.monotonic()))
        figures = {"malformed_rest_ms": usual, "malformed_rest_worst_ms": max(rest), "malformed_rest_after_ms": after}
        return {
            **self._found(), **{name: 1000 * seconds for name, seconds in figures.items()},
            "malformed_seconds": time.monotonic() - begun, "malformed_interrupted": interrupted,
            "malformed_routes": sum(to.method != "SOCKET" for to in known),
            "malformed_sockets": sum(to.method == "SOCKET" for to in known),
        }  # fmt: skip

    def _rest(self, probe: Probe) -> list[float]:
        """Return the other client's waits at rest: what a room is opened with goes on for a while after it."""
        for _ in range(SETTLING):
            begun = time.monotonic()
            time.sleep(REST_S)
            rest = probe.waits(begun, time.monotonic())
            if 1000 * max(rest) < AGAIN_MS:
                break
        return rest

    def _found(self) -> Measured:
        """Return what was answered, and what slowed the other client the most."""
        self.worst.sort(reverse=True)
        slowed, by = self.worst[0] if self.worst else (0.0, "")
        text = self.log.read_text("utf-8", "replace")
        of_ours = [status for status in self.statuses if status >= 500 and status not in TOLD]
        return {
            "malformed_500": sum(self.statuses[status] for status in of_ours),
            "malformed_tracebacks": text.count("Traceback"), "malformed_unanswered": self.statuses[0],
            "malformed_slowed_ms": slowed, "malformed_slowed_by": by,
            "malformed_slowed_next": [f"{ms:.0f} ms: {name}" for ms, name in self.worst[1:NAMED]],
            "malformed_requests": self.number, "malformed_repeated": self.repeated,
            "malformed_worst_status": max(self.statuses, default=0),
            "malformed_statuses": {str(k): n for k, n in sorted(self.statuses.items())},
            "malformed_faults": list(self.faults),
            "malformed_log": [part[:4000] for part in text.split("Traceback")[1:NAMED]],
            "malformed_log_bytes": len(text),
            "malformed_seconds_each": {to: round(s, 1) for to, s in self.seconds.items()},
        }  # fmt: skip

    def _tell(self, to: str, begun: float) -> None:
        """Say how far it is, and the worst so far."""
        now = time.monotonic() - begun
        self.seconds[to] = now - sum(self.seconds.values())
        slowed, by = max(self.worst, default=(0.0, "nothing"))
        self.say(f"{now:4.0f} s  {to}: {self.number} requests, {self.repeated} repeated, {len(self.faults)} faults; "
                 f"slowed at most {slowed:.0f} ms by {by}")  # fmt: skip

    def _drawn(self, to: Address, seed: int, like: int, every: int) -> list[Attack]:
        """Return the attacks on an address from the seat that there is now; the same ones whenever it is asked."""
        return sample(self.sender.attacks(to), like, seed)[::every]

    def _address(self, to: Address, probe: Probe, usual: float, draw: Callable[[], list[Attack]]) -> None:
        """Attack one address."""
        attacks = draw()
        for n in range(len(attacks)):
            if (to.path.endswith("/close") or ("{code}" in to.path and n % 50 == 0)) and self._renewed():
                attacks = draw()
            attack = attacks[n]
            at_once = AT_ONCE if len(attack.content) > LARGE_BYTES else 1
            slowed = self._slowed(to, attack, at_once, probe, usual)
            for _ in range(REPEATS):
                if slowed > AGAIN_MS:
                    self.repeated += 1
                    time.sleep(PAUSE_S)
                    slowed = min(slowed, self._slowed(to, attack, at_once, probe, usual))
            self.worst.append((slowed, f"{to.method} {to.path}: {attack.name}"))

    def _renewed(self) -> bool:
        """Open another room if an attack has closed the one that there was; returns whether it had."""
        asked = Attack("", self.sender.head("GET", f"/drill/{self.values['code']}/controller/choices"))
        if answered(self.host, asked) == 200:
            return False
        self.sender = self._fresh()
        return True

    def _slowed(self, to: Address, attack: Attack, at_once: int, probe: Probe, usual: float) -> float:
        """Send an attack, note what was answered, and return how much the probe was slowed meanwhile, ms."""
        begun = time.monotonic()
        self.number += at_once
        if at_once == 1:
            found = [answered(self.host, attack)]
        else:
            with ThreadPoolExecutor(at_once) as pool:
                found = list(pool.map(lambda _: answered(self.host, attack), range(at_once)))
        self.statuses.update(found)
        if any(status == 0 or status >= 500 for status in found):
            self.faults.append(f"{max(found)}: {to.method} {to.path}: {attack.name}")
        waits = probe.waits(begun, time.monotonic())
        return max(0.0, 1000 * (max(waits, default=usual) - usual))


def _app() -> Any:
    """Return an application as the server makes it, to read its routes; it serves nothing."""
    from dashboards.server.app import create_app
    from dashboards.server.settings import settings

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings(port=0, results=Path(folder) / "results", scenarios=Path(folder) / "own"))
        app.state.gridwhistle.jobs.close()
    return app


def answered(host: str, attack: Attack) -> int:
    """Send an attack on a connection of its own and read to its end.

    Returns
    -------
    int
        The answer's status; 1 when the server closed without one; 0 when neither came.
    """
    name, _, port = host.partition(":")
    received = b""
    try:
        with socket.create_connection((name, int(port)), ANSWER_S, (next(CLIENTS), 0)) as wire:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
                wire.sendall(attack.content)
            while piece := wire.recv(65_536):
                if not received and attack.then:
                    with suppress(BrokenPipeError, ConnectionResetError):
                        wire.sendall(attack.then)
                received = received if len(received) > 20 else received + piece
                if received.startswith(b"HTTP/1.1 101") and not attack.then:
                    break  # a socket was opened, and nothing is said in it
    except ConnectionError:
        pass  # an end all the same
    except TimeoutError:
        return 0
    first = received.split(b" ", 2)
    return int(first[1]) if len(first) > 1 and first[1].isdigit() else 1


class Probe:
    """What the other client's requests took."""

    def __init__(self, process: subprocess.Popen[str], file: Path) -> None:
        self._process, self._file, self._at, self._rest = process, file, 0, ""
        self._seen: list[tuple[float, float]] = []

    def _read(self) -> None:
        with self._file.open() as stream:
            stream.seek(self._at)
            text = self._rest + stream.read()
            self._at = stream.tell()
        *lines, self._rest = text.split("\n")
        self._seen += [(float(a), float(b)) for a, b, _ in (line.split() for line in lines)]
        del self._seen[:-4000]

    def waits(self, begun: float, ended: float) -> list[float]:
        """Return how long each request took that was on its way in a span of time, and the next, seconds; waits."""
        limit = time.monotonic() + 60
        while not (self._seen and self._seen[-1][0] >= ended):
            if time.monotonic() > limit:
                return [60.0]
            time.sleep(0.005)
            self._read()
        following = next(a for a, _ in self._seen if a >= ended)
        return [b - a for a, b in self._seen if b >= begun and a <= following]


@contextmanager
def probing(host: str) -> Iterator[Probe]:
    """Let the other client ask while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "probe"
        with file.open("w") as stream:
            process = subprocess.Popen([sys.executable, "-c", PROBE, host], stdout=stream, text=True,
                                       start_new_session=True)  # fmt: skip
        try:
            yield Probe(process, file)
        finally:
            process.kill()
            process.wait()
