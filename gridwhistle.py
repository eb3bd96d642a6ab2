"""The front door: the command line of GridWhistle.

Each command reads its options and hands them on; what it does is in `scenarios`, what it draws in
`dashboards`. Both are imported when a command runs, so that ``--help`` and mistakes in input answer at once
and compile nothing.

Exit codes: 0 done; 1 some runs failed or the machine gave out (disk, memory, files), the rest is there; 2 a mistake in
the input; 3 an extra is not installed; 130 interrupted, everything finished is stored.

Nothing is imported from the folder one stands in, by this process or those it starts, unless this file lies there. So
the path is set before all else, even before annotations are put off, which is an import too.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__" and not sys.flags.safe_path and sys.path[0] == os.getcwd() != _HERE:
    del sys.path[0]

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scenarios.option_numbers import MOST_SEED, decimal, whole
from sim.plain_values import MOST_DAYS, MOST_RESIDENTS

if TYPE_CHECKING:
    from scenarios.console import Console
    from sim.errors import InputError

EXTRAS = {"kaleido": "report", "distributed": "cluster", "playwright": "browser", "simpy": "bench"}
"""Module that may be missing -> the extra that brings it."""

YEAR_S = 31_557_600

HEAVY = ("run", "compare", "sensitivity", "calibrate", "export", "drill", "dashboard")
"""Commands that load the engine or read results."""


class Front(TyperGroup):
    """Turns what goes wrong into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; mistakes of input, missing extras and interruptions never show a traceback."""
        from sim.exhausted import too_little_to_start

        if _is_heavy() and (told := too_little_to_start()):
            typer.echo(f"gridwhistle: {told}", err=True)
            raise typer.Exit(1)
        try:
            return super().invoke(ctx)
        except (typer.Exit, SystemExit):
            raise
        except KeyboardInterrupt:
            typer.echo("gridwhistle: interrupted", err=True)
            raise typer.Exit(130) from None
        except Exception as error:  # known kinds become sentences, all others go on
            code, sentence = _known(error)
            if code is None:
                raise
            typer.echo(sentence, err=True)
            raise typer.Exit(code) from None


def _is_heavy() -> bool:
    """Tell whether the command line loads the engine or reads results."""
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return first in HEAVY and "--help" not in sys.argv


def _known(error: Exception) -> tuple[int | None, str]:
    """Return exit code and sentence of an error that is not the program's fault."""
    from sim.errors import InputError
    from sim.exhausted import no_name, told_of

    if isinstance(error, InputError):
        return 2, f"gridwhistle: {_sentence(error)}"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in EXTRAS:
        extra = EXTRAS[(error.name or "").partition(".")[0]]
        given = " ".join(f'"{a}"' if " " in a else a for a in sys.argv[1:])
        return 3, f"gridwhistle: this needs the extra '{extra}'; run: uv run --extra {extra} gridwhistle {given}"
    if type(error).__name__ == "Interrupted" and hasattr(error, "exit_code"):
        return int(error.exit_code), f"gridwhistle: {error}; the same command goes on from there"
    if type(error).__name__ == "PoolError":
        return 1, f"gridwhistle: {error}"
    if told := told_of(error):
        return 1, f"gridwhistle: {told}"
    if isinstance(error, IsADirectoryError) and error.filename:
        from scenarios.ledger import no_file

        return 2, f"gridwhistle: {_sentence(no_file(error.filename))}"
    if wrong := no_name(error):
        return 2, f"gridwhistle: {_sentence(wrong)}"
    return None, ""


def _sentence(error: "InputError") -> str:
    """Return a mistake in the language that was asked for; English where that cannot be told."""
    from dashboards.texts import LANGUAGES, Texts

    asked = "".join(sys.argv[k + 1] for k, word in enumerate(sys.argv[:-1]) if word == "--lang")
    asked = next((word.removeprefix("--lang=") for word in sys.argv if word.startswith("--lang=")), asked)
    told = Texts(asked if asked in LANGUAGES else "en").mistake(error)
    try:
        told.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        return Texts("en").mistake(error)
    return told


app = typer.Typer(
    cls=Front,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help folds better where a terminal is narrow, and loads faster
    help="Simulate how a city notices and resolves its troubles, and compare policies before rollout.",
)
city_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Build, read and show cities.")
library_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List and show the shipped scenarios.")
app.add_typer(city_app, name="city")
app.add_typer(library_app, name="library")

Scenario = Annotated[str, typer.Argument(help="A library name (see 'library list') or the path of a YAML file.")]
Replications = Annotated[
    int | None, whole("--replications", "-n", least=1, most=1_000_000, help="Replications of each policy.")
]
Seed = Annotated[int | None, whole("--seed", most=MOST_SEED, help="Root seed of all random draws.")]
Days = Annotated[float | None, decimal("--days", most=MOST_DAYS, help="Simulated days, in place of the scenario's.")]
CityFolder = Annotated[
    Path | None, typer.Option("--city", help="Folder of a saved city, in place of the scenario's city.")
]
Workers = Annotated[int | None, whole("--workers", "-w", least=1, most=512, help="Processes (default: the cores).")]
Out = Annotated[Path | None, typer.Option("--out", help="Where to write (default: results/<scenario>-<id>).")]
Resume = Annotated[
    bool, typer.Option("--resume/--fresh", help="Go on with results of the same experiment, or begin a new folder.")
]
Keep = Annotated[int, whole("--keep-cases", most=1_000_000, help="Replications of which the case tables are kept.")]
WallLimit = Annotated[
    float | None,
    decimal("--wall-limit", most=YEAR_S, help="Seconds one run may take (default: 20 times the median, at least 60)."),
]
MemoryLimit = Annotated[
    float | None,
    decimal("--memory-limit", most=1e9, help="MB one run's process may use (default: its share of the machine)."),
]
Lang = Annotated[str, typer.Option("--lang", help="Language of tables and report: en or zh.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Go on though memory or a week are foretold not to suffice.")]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Write report.html beside the results.")]


@app.command()
def run(
    scenario: Scenario,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", "-p", help="Policy to run (default: the first).")
    ] = None,
    replications: Replications = None,
    seed: Seed = None,
    days: Days = None,
    city: CityFolder = None,
    workers: Workers = None,
    out: Out = None,
    resume: Resume = True,
    keep_cases: Keep = 5,
    wall_limit: WallLimit = None,
    memory_limit: MemoryLimit = None,
    anyway: Anyway = False,
    report: Report = False,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Run one policy of a scenario and print its measures."""
    given = (replications or 1, seed, days, city, workers, out, resume, keep_cases, wall_limit, memory_limit, anyway)
    _experiment(scenario, policy, given, 1, _console(lang, json), report)


@app.command(short_help="Compare policies on the same city days; write a report.")
def compare(
    scenario: Scenario,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", "-p", help="Policies, the baseline first (default: the scenario's).")
    ] = None,
    replications: Replications = None,
    seed: Seed = None,
    days: Days = None,
    city: CityFolder = None,
    workers: Workers = None,
    out: Out = None,
    resume: Resume = True,
    keep_cases: Keep = 5,
    wall_limit: WallLimit = None,
    memory_limit: MemoryLimit = None,
    anyway: Anyway = False,
    report: Report = True,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Run the same city days under two or more policies; print paired differences and write a report."""
    given = (replications, seed, days, city, workers, out, resume, keep_cases, wall_limit, memory_limit, anyway)
    _experiment(scenario, policy, given, 2, _console(lang, json), report)


@app.command(short_help="Find which assumptions an answer hangs on.")
def sensitivity(
    scenario: Scenario,
    method: Annotated[str, typer.Option("--method", "-m", help="morris (screening) or sobol (variance shares).")] = (
        "sobol"
    ),
    rows: Annotated[
        int | None,
        whole(
            "--rows",
            least=1,
            most=1_000_000,
            help="Trajectories (morris, default 20), base points (sobol, default 256).",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", help="NAME or NAME=low..high of the register (default: the scenario's)."),
    ] = None,
    measure: Annotated[
        str | None, typer.Option("--measure", help="What is asked (default: the scenario's first measure).")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", "-p", help="One: its measure. Two: their difference (default: the first two)."),
    ] = None,
    replicates: Annotated[int, whole("--replicates", least=2, most=64, help="Runs of each row.")] = 2,
    on_failed: Annotated[
        str, typer.Option("--on-failed", help="refuse, or drop the whole blocks that have a failed run.")
    ] = "refuse",
    time_limit: Annotated[
        float | None,
        decimal("--time-limit", most=YEAR_S, help="Seconds after which a run is ended (default: derived)."),
    ] = None,
    seed: Seed = None,
    days: Days = None,
    residents: Annotated[
        int | None,
        whole(
            "--residents",
            least=1,
            most=MOST_RESIDENTS,
            help="Residents of the synthetic city, in place of the scenario's.",
        ),
    ] = None,
    city: CityFolder = None,
    workers: Workers = None,
    out: Out = None,
    resume: Resume = True,
    anyway: Anyway = False,
    report: Report = True,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Find which assumptions an answer hangs on: indices corrected for chance, and where a verdict would flip."""
    from calibration.sensitivity.command import Options as Asked
    from calibration.sensitivity.command import run as ask

    options = Asked(
        method, rows, replicates, tuple(parameter or ()), measure, tuple(policy or ()), seed, days, residents, city,
        workers, time_limit, on_failed, out, resume, anyway,
    )  # fmt: skip
    write = _late("dashboards.report.sensitivity", "write_sensitivity_report") if report else None
    if not ask(scenario, options, _console(lang, json), write):
        raise typer.Exit(1)


@app.command(short_help="Fit a scenario to a case log and test it.")
def calibrate(
    log: Annotated[Path, typer.Option("--log", help="Case log: CSV, Parquet or XES, gzipped or not.")],
    map: Annotated[Path | None, typer.Option("--map", help="YAML file: columns by role (default: guessed).")] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="Zone of the log's clocks, such as Asia/Shanghai.")] = None,
    split: Annotated[str, typer.Option("--split", help="Share of the cases fitted to, or a date.")] = "0.7",
    scenario: Annotated[str | None, typer.Option("--scenario", help="Scenario to build on (default: none).")] = None,
    on_bad_rows: Annotated[
        str, typer.Option("--on-bad-rows", help="refuse or drop rows that cannot be used.")
    ] = "refuse",
    replications: Annotated[
        int, whole("--replications", "-n", least=20, most=10_000, help="Replications of the held-out days.")
    ] = 100,
    seed: Annotated[int, whole("--seed", most=MOST_SEED, help="Root seed of the held-out simulation.")] = 7,
    out: Out = None,
    report: Report = True,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Fit arrivals and durations to a case log, test them on held-out cases, and write a scenario."""
    import os

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: threads only get in each other's way
    from calibration.command import Options as Asked
    from calibration.command import calibrate as fit

    console = _console(lang, json)
    _one_of("--on-bad-rows", on_bad_rows, ("refuse", "drop"))
    options = Asked(log, map, zone, split, scenario, on_bad_rows, out, replications, seed)  # type: ignore[arg-type]
    write = _late("dashboards.report.calibration", "write_calibration_report") if report else None
    outcome = fit(options, console, write)
    code = {"published": 0, "draft": 1, "passed_with_differences": 4}[outcome.made.status]
    if code:
        raise typer.Exit(code)


@app.command(short_help="Write results as tables for other programs.")
def export(
    results: Annotated[Path, typer.Argument(help="A results folder.")],
    form: Annotated[str, typer.Option("--format", "-f", help="csv, parquet, json (tables) or html (report).")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", help="Folder (default: export/ in the results).")] = None,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Write the tables of a results folder for other programs, or its report again."""
    from scenarios.commands import export as write

    write(results, form, out, _console(lang, json), _late("dashboards.report", "write_report"))


@app.command(short_help="Play an exercise live; record and assess it.")
def drill(
    exercise: Annotated[
        str | None, typer.Argument(help="A shipped exercise's name or the path of a YAML file.")
    ] = None,
    role: Annotated[str, typer.Option("--role", help="controller (all roles), or one role of the exercise.")] = (
        "controller"
    ),
    speed: Annotated[float, decimal("--speed", least=0.5, most=600, help="Exercise seconds per real second.")] = 10.0,
    auto: Annotated[bool, typer.Option("--auto", help="Nobody plays: the built-in rules decide for all.")] = False,
    answers: Annotated[Path | None, typer.Option("--answers", help="File of answers, in place of a terminal.")] = None,
    seed: Seed = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder (default: results/drills/<name>-<time>).")] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Recording of a drill to be taken up again.")] = None,
    replay: Annotated[Path | None, typer.Option("--replay", help="Recording to be played again, bit for bit.")] = None,
    branch: Annotated[str | None, typer.Option("--branch", help="With --replay: decision to fork at, e.g. D3.")] = None,
    answer: Annotated[str | None, typer.Option("--answer", help="With --branch: the option taken there.")] = None,
    later: Annotated[str, typer.Option("--later", help="Decisions after a branch: recorded or rule.")] = "recorded",
    futures: Annotated[
        int, whole("--futures", least=2, most=100_000, help="Futures drawn for a branch's interval.")
    ] = 30,
    what_if: Annotated[
        int, whole("--what-if", most=100_000, help="With --replay: branch all decisions, so many futures.")
    ] = 0,
    aar: Annotated[bool, typer.Option("--aar/--no-aar", help="Write the after-action report.")] = True,
    advice: Annotated[bool, typer.Option("--advice", help="Show what the rule would do with each decision.")] = False,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Play an exercise live: injects, decisions with a countdown, score, recording, after-action report."""
    from scenarios.drill.commands import Options as Played
    from scenarios.drill.commands import drill as play

    console = _console(lang, json)
    given = (exercise, role, speed, auto, answers, seed, out, replay, resume, branch, answer, later, futures)
    told = play(Played(*given, what_if, aar, advice), console, _late("dashboards.report.aar", "write_aar"))
    if json:
        console.json(told)


@app.command(short_help="Serve library, runs, replay and drills in a browser.")
def dashboard(
    host: Annotated[str, typer.Option("--host", help="Address to listen on; other than loopback needs tokens.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, whole("--port", most=65_535, help="Port; 0 takes a free one.")] = 8321,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="Who may log in: 'role name token' on each line.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A further host name by which browsers may call the server.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option("--trusted-proxy", help="Address of a proxy whose X-Forwarded-For and -Proto are believed."),
    ] = None,
    results: Annotated[Path, typer.Option("--results", help="Folder of the results.")] = Path("results"),
    scenarios: Annotated[Path, typer.Option("--scenarios", help="Folder of your scenarios.")] = Path("my-scenarios"),
    concurrent: Annotated[int, whole("--concurrent", least=1, most=64, help="Jobs that run at once.")] = 1,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser there.")] = False,
    lang: Lang = "en",
) -> None:
    """Serve the dashboard: library, runs, comparisons, replay and drills in a browser."""
    from dashboards.server.settings import settings

    console = _console(lang, False)
    proxies = tuple(trusted_proxy or ())
    given = settings(host, port, results, scenarios, token_file, tuple(name or ()), lang, concurrent, proxies)
    console.note("dashboard_starts")

    from dashboards.server.serve import serve

    serve(given, lambda where: console.say("dashboard_at", address=where), browser)
    console.note("dashboard_stopped")


@library_app.command("list")
def library_list(lang: Lang = "en", json: Json = False) -> None:
    """List the shipped scenarios."""
    from scenarios.library_told import show_list

    show_list(_console(lang, json))


@library_app.command("show")
def library_show(
    name: Scenario,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the whole text, parents laid in.")] = False,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Show a scenario: what it is, its city, its policies with their citable ids."""
    from scenarios.library_told import show_one

    show_one(name, yaml, _console(lang, json))


@city_app.command("build")
def city_build(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the city to.")],
    residents: Annotated[
        int, whole("--residents", least=1, most=MOST_RESIDENTS, help="Number of residents.")
    ] = 100_000,
    seed: Annotated[int, whole("--seed", most=MOST_SEED, help="Seed of streets, homes and ties.")] = 1,
    name: Annotated[str, typer.Option("--name", help="Name of the city.")] = "Synthetic city",
    admin_tree: Annotated[
        Path | None, typer.Option("--admin-tree", help="CSV code,name,level,parent (and archetype).")
    ] = None,
    anyway: Anyway = False,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Build a synthetic city of any size from a seed and save it."""
    from scenarios.cities import build

    given = {"name": name, "residents": residents, "seed": seed, "admin_tree": _absolute(admin_tree)}
    build({"synthetic": given}, out, _console(lang, json), anyway)


@city_app.command("read", short_help="Read a real road network and save it as a city.")
def city_read(
    source: Annotated[Path, typer.Argument(help="A folder or a GraphML file.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write the city to.")],
    form: Annotated[
        str | None, typer.Option("--format", help="jemss, graphml or vertices_edges (default: by what is there).")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the city.")] = None,
    residents: Annotated[int | None, whole("--residents", most=MOST_RESIDENTS, help="Number of residents.")] = None,
    seed: Annotated[int, whole("--seed", most=MOST_SEED, help="Seed of what is not in the files.")] = 1,
    admin_tree: Annotated[
        Path | None, typer.Option("--admin-tree", help="CSV code,name,level,parent (and archetype).")
    ] = None,
    facilities: Annotated[
        Path | None, typer.Option("--facilities", help="CSV kind,x_m,y_m (or lon,lat),name,capacity,units.")
    ] = None,
    on_bad_rows: Annotated[
        str, typer.Option("--on-bad-rows", help="refuse or drop rows that cannot be used.")
    ] = "refuse",
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Read a real road network (node/arc CSV, OSMnx GraphML, vertices and edges) and save it as a city."""
    from scenarios.cities import read

    given = {"name": name, "residents": residents, "seed": seed, "admin_tree": _absolute(admin_tree)}
    given |= {"facilities": _absolute(facilities)}
    read(source, form, {**given, "on_bad_rows": on_bad_rows}, out, _console(lang, json))


@city_app.command("show")
def city_show(
    city: Annotated[str, typer.Argument(help="Folder of a saved city, or a scenario.")],
    out: Annotated[Path, typer.Option("--out", help="HTML file to draw to.")] = Path("city.html"),
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Show a city's figures and draw it on its own roads as one HTML file."""
    from scenarios.cities import found, show

    console, there = _console(lang, json), found(city)
    show(there, _late("dashboards.report.city", "city_page")(there, lang), out, console)


def _experiment(
    scenario: str, policy: list[str] | None, given: tuple[Any, ...], arms: int, console: "Console", report: bool
) -> None:
    from scenarios.commands import Options
    from scenarios.commands import run as carry_out

    write = _late("dashboards.report", "write_report") if report else None
    if not carry_out(scenario, Options(tuple(policy or ()), *given), arms, console, write):
        raise typer.Exit(1)


def _console(lang: str, machine: bool) -> "Console":
    from dashboards.texts import Texts
    from scenarios.console import Console, check_encoding

    if not machine:
        check_encoding(lang)
    return Console(Texts(lang), lang, machine)


def _late(module: str, name: str) -> Callable[..., Any]:
    """Return a function that is imported when it is called: drawing takes longer to load than many runs to do."""
    return lambda *given: getattr(import_module(module), name)(*given)


def _one_of(field: str, found: str, allowed: tuple[str, ...]) -> None:
    from sim.errors import InputError

    if found not in allowed:
        raise InputError("unknown choice", field=field, found=found, allowed=allowed)


def _absolute(path: Path | None) -> str | None:
    return str(path.resolve()) if path is not None else None


def main() -> None:
    """Run the command line."""
    os.environ["PYTHONSAFEPATH"] = "1"  # for processes that libraries start
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a sign that a terminal lacks is told by its number, not by a crash
            stream.reconfigure(errors="backslashreplace")
    from sim.watched import run_again

    if _is_heavy() and (code := run_again()) is not None:
        sys.exit(code)
    app()


if __name__ == "__main__":
    main()
