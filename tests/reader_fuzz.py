"""Readers, sound files for them, and ways to damage a file: what tests of readers under damage share. Not a test."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx as nx
import pandas as pd
from hypothesis import strategies as st

from calibration.caselog import CaseLog, Mapping
from scenarios.drill.answers import Script
from scenarios.drill.form import DRILLS, Exercise
from scenarios.drill.recording import Recording
from scenarios.dry import dry_check
from scenarios.library import LIBRARY, load
from sim.city.admin import read_admin_tree
from sim.city.bare import bare_city
from sim.city.city import City
from sim.city.graphml import read_graphml
from sim.city.readers import read_city
from sim.city.spec import ReadSpec
from sim.city.vertices import read_vertices_edges
from sim.errors import InputError
from sim.register import PATH as REGISTER
from sim.register import read_register
from tests.caselog_files import csv_text, sample, xes_text

CORPUS = Path(__file__).parent / "corpus"
TOKENS = (
    b"9" * 5000, b"-9" + b"9" * 400, b"1e999", b"-1e300", b"1e-320", b".nan", b"nan", b"inf", b"-inf", b"NaN", b"true",
    b"null", b"~", b"", b"''", b'""', b"[]", b"{}", b"[[[[[[[[", b"{" * 100, b"&a [*a]", b"*a", b"!!python/none x",
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b'"\\uD800"', b"\r", b"\n", b"\t", b"---\n", b"<<: x", b": ",
    b"0x" + b"f" * 5000, b"2026-02-30", b"9999-12-31", b"0000-00-00", b"12:30", b"../../etc/passwd", b"x" * 5000,
    b"=cmd|' /C calc'!A0", b"<a>", b"</data>", b"&amp;", b"&lol;", b"]]>", b"\xe7\xbd\x91", b"'", b'"', b",", b";",
    b"-1", b"0", b"1_000", b"1,5", b"99999999999999999999", b"0.1e", b"+", b"@5 release x", b"D1 1", b"D0 1", b"* x",
)  # fmt: skip
"""What stands where nobody expects it."""


@dataclass(frozen=True)
class Reader:
    """A reader of files and a sound file for it."""

    name: str
    file: str
    content: Callable[[], bytes]
    read: Callable[[Path], object]


def damaged(content: bytes, edits: list[tuple[int, int, int]]) -> bytes:
    """Return a file with edits made: (kind, place, what), each taken modulo what there is."""
    made = bytearray(content)
    for kind, place, what in edits:
        at = place % (len(made) + 1)
        end = min(len(made), at + what % 40)
        match kind % 6:
            case 0:
                made[at:at] = TOKENS[what % len(TOKENS)]
            case 1:
                del made[at:end]
            case 2:
                made[at:end] = TOKENS[what % len(TOKENS)]
            case 3:
                made[at:at] = made[at:end]
            case 4 if made:
                made[at % len(made)] ^= 1 << what % 8
            case 5:
                made = made[:at] if what % 4 == 0 else _with_value(made, at, TOKENS[what % len(TOKENS)])
    return bytes(made)


def _with_value(made: bytearray, at: int, token: bytes) -> bytearray:
    """Put a token in place of the word that stands around a place."""
    ends = b" \n\t,;:\"'<>[]{}="
    first = max((made.rfind(bytes([sign]), 0, at) for sign in ends), default=-1) + 1
    last = min((found for sign in ends if (found := made.find(bytes([sign]), at)) >= 0), default=len(made))
    return made[:first] + token + made[max(last, first) :]


edits = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1 << 30), st.integers(0, 1 << 16)), min_size=1, max_size=6)
"""Hypothesis strategy for `damaged`."""


def tried(reader: Reader, content: bytes) -> InputError | None:
    """Read a file; returns the refusal, None when it was taken; whatever else is raised is a fault."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / reader.file
        file.write_bytes(content)
        try:
            reader.read(file)
        except InputError as error:
            if not error.sentence() or len(error.sentence()) > 20_000:
                raise AssertionError("a refusal of no bounded length") from None
            return error
    return None


def _graph() -> bytes:
    graph = nx.MultiDiGraph(crs="EPSG:32648")
    for k in range(4):
        graph.add_node(k, x=500_000.0 + 300 * k, y=4_000_000.0 + 200.0 * (k % 2), lon=105.0 + k / 300, lat=36.1)
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)):
        graph.add_edge(a, b, length=950.0, speed_kph="30", highway="residential")
        graph.add_edge(b, a, length=950.0, speed_kph="30", oneway="False")
    out = io.BytesIO()
    nx.write_graphml(graph, out)
    return out.getvalue()


_VERTICES = b"id,x_m,y_m\n1,0,0\n2,100,0\n3,100,100\n4,0,100\n"
_EDGES = b"id,a,b,length_m\n1,1,2,100\n2,2,3,100\n3,3,4,100\n4,4,1,100\n"
_AREAS = (
    "code,name,level,parent\nc,City,city,\nd,District,district,c\ns,Street,street,d\nm,社区,community,s\n"
    "g1,Grid 1,grid,m\ng2,Grid 2,grid,m\n"
).encode()
_SPOTS = b"kind,x_m,y_m,name,capacity,units\nfire,500000,4000000,A,2,1\nambulance,500300,4000200,B,1,2\n"


def _edges(file: Path) -> object:
    (file.parent / "vertices.csv").write_bytes(_VERTICES)
    return read_vertices_edges(file.parent)


def _vertices(file: Path) -> object:
    (file.parent / "edges.csv").write_bytes(_EDGES)
    return read_vertices_edges(file.parent)


def _spots(file: Path) -> object:
    (file.parent / "roads.graphml").write_bytes(_graph())
    spec = ReadSpec(format="graphml", file="roads.graphml", residents=50, facilities=file.name)
    return read_city(spec, file.parent)


def _parquet() -> bytes:
    out = io.BytesIO()
    pd.DataFrame(sample()).to_parquet(out)
    return out.getvalue()


def _recording() -> bytes:
    made = Recording()
    made.append(0.0, "a", "controller", "exercise", {"format": 1, "text": "文", "numbers": [1, 2.5, None, True]})
    made.append(1.0, "a", "controller", "note", {"text": "x"})
    return made.text().encode()


@cache
def _city_json() -> tuple[bytes, Path]:
    folder = Path(tempfile.mkdtemp()) / "city"
    bare_city([(0.0, 0.0), (1000.0, 0.0)]).save(folder)
    return (folder / "city.json").read_bytes(), folder


def _saved(file: Path) -> object:
    _, folder = _city_json()
    for other in folder.iterdir():
        if other.name != "city.json":
            (file.parent / other.name).write_bytes(other.read_bytes())
    return City.load(file.parent)


def _records() -> bytes:
    return pd.DataFrame(sample()).to_json(orient="records", force_ascii=False).encode()


def _scenario(file: Path) -> object:
    return dry_check(load(file))


READERS = {
    one.name: one
    for one in (
        Reader("scenario", "scenario.yaml", lambda: (LIBRARY / "bare-line.yaml").read_bytes(), _scenario),
        Reader("scenario-over", "scenario.yaml", lambda: (LIBRARY / "one-more-unit.yaml").read_bytes(), _scenario),
        Reader("exercise", "exercise.yaml", lambda: (DRILLS / "evening-wage-fire.yaml").read_bytes(), lambda file: (
            Exercise.parse(file.read_bytes().decode("utf-8", "replace"), "exercise.yaml"))),
        Reader("register", "register.yaml", lambda: b"\n".join(REGISTER.read_bytes().splitlines()[6:40]),
               read_register),
        Reader("map", "map.yaml", lambda: b"case: id\nactivity: a\ntime: t\ntime_format: '%Y'\nquiet_days: 3\n"
               b"only: {policy: as-is, replication: 0}\nrename: {channel: {Desk: counter}}\nzone: Asia/Shanghai\n",
               Mapping.read),
        Reader("answers", "answers.txt", lambda: b"D1 send:a the nearest\nD3 3 /12.5 by agreement\n* rule\n"
               b"@12.5 release recall\n@20 note x  # y\n", Script.read),
        Reader("recording", "drill.jsonl", _recording, Recording.read),
        Reader("graphml", "roads.graphml", _graph, read_graphml),
        Reader("vertices", "vertices.csv", lambda: _VERTICES, _vertices),
        Reader("edges", "edges.csv", lambda: _EDGES, _edges),
        Reader("areas", "areas.csv", lambda: _AREAS, read_admin_tree),
        Reader("facilities", "facilities.csv", lambda: _SPOTS, _spots),
        Reader("saved-city", "city.json", lambda: _city_json()[0], _saved),
        Reader("log-csv", "log.csv", lambda: csv_text(sample()).encode(), CaseLog.read),
        Reader("log-xes", "log.xes", lambda: xes_text(sample()).encode(), CaseLog.read),
        Reader("log-json", "log.json", _records, CaseLog.read),
        Reader("log-parquet", "log.parquet", _parquet, CaseLog.read),
        Reader("log-gzip", "log.csv.gz", lambda: gzip.compress(csv_text(sample()).encode()), CaseLog.read),
    )
}  # fmt: skip
