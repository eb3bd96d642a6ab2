"""The command line of the benchmarks: ``python -m benchmarks engine`` and ``python -m benchmarks edmonton``."""

from __future__ import annotations

import importlib
import json as writer
import math
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.figures import CAMPAIGN, EDMONTON, ENGINE, SOBOL, Bar, Measured, show, verdicts
from benchmarks.machine import machine, versions

GROUPS: dict[tuple[str, ...], str] = {
    ("ratio_to_bare_loop",): "bare_loop:measure",
    ("ratio_to_simpy", "simpy_largest_z"): "simpy_ratio:measure",
    ("ratio_to_simpy_queue",): "simpy_queue:measure",
    ("district_month_s",): "district:measure",
    (
        "million_year_s", "million_year_gb", "million_year_incidents", "million_year_events",
    ): "million:measure",
    ("growth_exponent",): "million:measure_growth",
    ("compile_s", "compile_announced", "second_start_s"): "startup:measure",
    ("pairing_ratio_protocol",): "pairing:measure_protocol",
    ("pairing_ratio_unit",): "pairing:measure_unit",
    ("identical_arms_difference",): "pairing:identical",
}  # fmt: skip
CAMPAIGN_GROUPS: dict[tuple[str, ...], str] = {
    ("campaign_overhead_ms",): "campaign:measure_overhead",
    ("campaign_growth_mb",): "campaign:measure_memory",
    ("two_workers_spin",): "campaign:measure_spin",
    ("two_workers_model",): "campaign:measure_model",
}
"""Keys of figures -> the function that measures them together."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
Json = Annotated[Path | None, typer.Option("--json", help="File to write all figures to.")]
Quick = Annotated[bool, typer.Option("--quick", help="A smoke test on small cities; its figures mean nothing.")]


@app.command()
def engine(
    json: Json = None,
    only: Annotated[str | None, typer.Option("--only", help="Keys to measure, with commas between them.")] = None,
    quick: Quick = False,
) -> None:
    """Measure speed, memory, growth, compiling and pairing of the engine; about 20 minutes."""
    measured = _measured(GROUPS, only, quick, json)
    _report(ENGINE, measured, "Engine" + (" (quick: figures mean nothing)" if quick else ""), json)


@app.command("in-turn")
def in_turn(
    base: Annotated[str, typer.Option("--base", help="Commit that is measured beside this checkout.")],
    json: Json = None,
    only: Annotated[str, typer.Option("--only", help="Keys of 'engine', with commas between them.")] = "",
    rounds: Annotated[int, typer.Option("--rounds", min=2, help="Rounds of both, one more to warm up.")] = 5,
    least: Annotated[float, typer.Option("--least", help="Ratio, here over there, to reach.")] = 0.97,
) -> None:
    """Measure figures of the engine here and at another commit in turn (A B A B); about 8 minutes."""
    from benchmarks.in_turn import KEYS, bars, measure
    from sim.errors import InputError

    keys = tuple(filter(None, only.split(","))) or KEYS
    try:
        measured = measure(base, keys, rounds)
    except InputError as error:
        typer.echo(f"benchmarks: {error.sentence()}", err=True)
        raise typer.Exit(2) from None
    _report(bars(keys, least), measured, f"Here over {base}", json)


@app.command()
def campaign(
    json: Json = None,
    only: Annotated[str | None, typer.Option("--only", help="Keys to measure, with commas between them.")] = None,
    quick: Quick = False,
) -> None:
    """Measure what a campaign costs beside its runs and what a second worker brings; about 4 minutes."""
    measured = _measured(CAMPAIGN_GROUPS, only, quick, json)
    _report(CAMPAIGN, measured, "Campaign" + (" (quick: figures mean nothing)" if quick else ""), json)


@app.command()
def sobol(
    json: Json = None,
    rows: Annotated[int, typer.Option("--rows", help="Base points; below 256 the time is scaled up.")] = 256,
    quick: Quick = False,
) -> None:
    """Measure a whole Sobol study of 8 parameters on two cores; up to 10 minutes."""
    from benchmarks.sobol import measure

    scaled = "" if rows == 256 else f" (scaled up from {rows} base points)"
    _report(SOBOL, measure(rows, quick), "Sobol" + (" (quick: figures mean nothing)" if quick else scaled), json)


@app.command()
def dashboard(json: Json = None, quick: Quick = False) -> None:
    """Open the dashboard in an empty browser: seconds until the first page stands, megabytes received; a minute."""
    from benchmarks.dashboard import DASHBOARD, measure

    _report(DASHBOARD, measure(quick), "Dashboard" + (" (quick: figures mean nothing)" if quick else ""), json)


@app.command()
def drill(json: Json = None, quick: Quick = False) -> None:
    """Measure what a drill computes beside waiting for people; under a minute."""
    from benchmarks.drill import DRILL, measure

    _report(DRILL, measure(quick), "Drill" + (" (quick: figures mean nothing)" if quick else ""), json)


@app.command()
def fanout(json: Json = None, quick: Quick = False) -> None:
    """Tell 100 clients of a drill room ten things a second for three minutes and count what is lost; 4 minutes."""
    from benchmarks.fanout import FANOUT, measure

    _report(FANOUT, measure(quick), "Fan-out" + (" (quick: figures mean nothing)" if quick else ""), json)


@app.command()
def malformed(
    json: Json = None,
    only: Annotated[str, typer.Option("--only", help="Part of the method and path of the addresses to attack.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Draws among the attacks that differ in a value alone.")] = 1,
    like: Annotated[int, typer.Option("--like", min=1, help="How many of those are sent; 100 is all of them.")] = 2,
    quick: Quick = False,
) -> None:
    """Send malformed input to every route and socket and measure how much another client is slowed; 8 minutes."""
    from benchmarks.malformed import MALFORMED, measure
    from sim.errors import InputError

    try:
        measured = measure(quick, only, seed, like, lambda line: typer.echo(line, err=True))
    except InputError as error:
        typer.echo(f"benchmarks: {error.sentence()}", err=True)
        raise typer.Exit(2) from None
    _report(MALFORMED, measured, "Malformed" + (" (quick: one request in ten)" if quick else ""), json)


@app.command()
def soak(
    json: Json = None,
    minutes: Annotated[float, typer.Option("--minutes", min=1, help="How long the server is used.")] = 30.0,
) -> None:
    """Use pages, comparisons, replays and a drill room of a server, and measure how much its memory grows."""
    from benchmarks.soak import SOAK, measure

    _report(SOAK, measure(minutes), f"Soak of {minutes:g} minutes", json)


@app.command()
def faults(
    json: Json = None,
    only: Annotated[str | None, typer.Option("--only", help="Commands, with commas between them.")] = None,
    fault: Annotated[str | None, typer.Option("--fault", help="Faults, with commas between them.")] = None,
    quick: Quick = False,
) -> None:
    """Break one thing after the other under each command; what is lost, doubled and told; about 25 minutes."""
    from benchmarks.faults import FAULTS, HOSTS, measure

    if unknown := set(filter(None, (only or "").split(","))) - set(HOSTS):
        raise typer.BadParameter(f"unknown command {', '.join(sorted(unknown))}; allowed: {', '.join(HOSTS)}")
    _report(FAULTS, measure(quick, only, fault), "Faults" + (" (quick: three faults of each)" if quick else ""), json)


@app.command()
def replay(json: Json = None, quick: Quick = False) -> None:
    """Watch 2,000 people drive on 50,000 road edges in a headless browser; painted frames a second; about 3 minutes."""
    from benchmarks.replay import REPLAY, measure
    from sim.errors import InputError

    try:
        measured = measure(quick)
    except InputError as error:
        typer.echo(f"benchmarks: {error.sentence()}", err=True)
        raise typer.Exit(2) from None
    _report(REPLAY, measured, "Replay" + (" (quick: figures mean nothing)" if quick else ""), json)


@app.command()
def edmonton(
    json: Json = None,
    replications: Annotated[int, typer.Option("--replications", "-n", min=2, help="Of each arm.")] = 30,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Processes.")] = 2,
    quick: Quick = False,
) -> None:
    """Read Edmonton, tabulate its travel and compare two rules on it; wall time and memory of all processes."""
    from benchmarks.edmonton import measure
    from sim.errors import InputError

    try:
        measured = measure(2 if quick else replications, workers, 1.0 if quick else None)
    except InputError as error:
        typer.echo(f"benchmarks: {error.sentence()}", err=True)
        raise typer.Exit(2) from None
    _report(EDMONTON, measured, "Edmonton", json)


def _measured(groups: dict[tuple[str, ...], str], only: str | None, quick: bool, json: Path | None) -> Measured:
    """Measure the groups that hold a wanted key, all when none is named."""
    console = Console(stderr=json is None)
    wanted = None if only is None else set(filter(None, only.split(",")))
    unknown = (wanted or set()) - {key for keys in groups for key in keys}
    if unknown:
        known = ", ".join(key for keys in groups for key in keys)
        raise typer.BadParameter(f"unknown figure {', '.join(sorted(unknown))}; allowed: {known}")
    measured: Measured = {}
    for keys, where in groups.items():
        if wanted is None or wanted & set(keys):
            console.print(f"measuring {', '.join(keys)} ...", style="dim")
            module, function = where.split(":")
            begun = time.perf_counter()
            measured.update(getattr(importlib.import_module(f"benchmarks.{module}"), function)(quick))
            console.print(f"  {time.perf_counter() - begun:.1f} s", style="dim")
    return measured


def _report(bars: tuple[Bar, ...], measured: Measured, title: str, file: Path | None) -> None:
    rows = verdicts(bars, measured)
    show(rows, title, Console())
    if file is None:
        return
    whole = {**measured, "table": rows, "machine": machine(), "versions": versions()}
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(writer.dumps(_plain(whole), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    temporary.rename(file)
    typer.echo(f"written: {file}")


def _plain(value: Any) -> Any:
    """Return a value that every JSON reader takes: numbers that are none become null."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "infinite" if math.isinf(value) else None
    return value


if __name__ == "__main__":
    app()
