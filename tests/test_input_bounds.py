"""Sizes of what is given: numbers, texts, names and whole scenarios beyond all bounds are refused in one sentence."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import gridwhistle
from calibration.caselog import Mapping
from dashboards.lab.uploads import take
from scenarios import forecast as forecasts
from scenarios.drill.form import Exercise
from scenarios.forecast import Allowance, affordable, city_affordable, forecast
from scenarios.library import load
from scenarios.places import city_of
from scenarios.yaml_lines import parse_yaml
from sim.cases.load import load_catalogue
from sim.city.spec import CitySpec
from sim.errors import InputError
from sim.institutions.load import load_defaults
from sim.register import read_register

NUMBERS = {
    "9" * 5000: "too many digits",
    "-" + "9" * 5000: "too many digits",
    "0x" + "f" * 5000: "too many digits",
    "1" * 30: "too large",
    "1e300": "too large",
    "1.5e16": "too large",
    "1e-300": "too small",
    "1e999": "finite",
    ".inf": "finite",
    ".nan": "finite",
    '"\\uD800"': "D800",
    '"a\\x00b"': "cannot be shown",
    "a\u202eb": "cannot be shown",
    "x" * 20_000: "too long",
}
BIG = "name: big\ntitle: {en: big, zh: 大}\nextends: whistle-vs-referral\n"


@pytest.mark.parametrize(("text", "said"), NUMBERS.items(), ids=lambda text: text[:14].encode("ascii", "replace"))
def test_a_value_beyond_bounds_is_one_sentence_in_every_reader(text, said, tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text(f"a:\n  b: {text}\n", encoding="utf-8")
    for read in (load, Mapping.read, Exercise.load, load_catalogue, load_defaults, read_register):
        with pytest.raises(InputError) as caught:
            read(str(file) if read is Exercise.load else file)
        told = caught.value.sentence()
        assert said in told and "line 2" in told and len(told) < 600 and "\n" not in told


@pytest.mark.parametrize(
    ("text", "value"),
    [("9223372036854775807", 2**63 - 1), ("1_000", 1000), ("12:30", "12:30"), ("2026-13-45", "2026-13-45"),
     ("1e15", 1e15), ("0.0", 0.0), ("0e-400", 0.0), ('"' + "9" * 300 + '"', "9" * 300), ("yes", "yes")],
)  # fmt: skip
def test_values_within_bounds_are_exact(text, value):
    found = parse_yaml(f"a: {text}", "f.yaml").data["a"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("horizon_days: 1000000000", "at most 36525 (days)"),
        ("version: " + "v" * 41, "version"),
        ("title: {en: " + "t" * 301 + ", zh: 题}", "too long for a title"),
        ("posts: {police_unit: {count: 1000000000}}", "posts.police_unit.count"),
        ("city: {synthetic: {residents: 100000, street_spacing_m: {urban: 1.0e+9}}}", "street_spacing_m"),
        ("city: {synthetic: {residents: 100000, facilities: {police: 1000000000}}}", "facilities"),
        ("city: {synthetic: {residents: true}}", "neither a number nor a text"),
        ("city: {synthetic: {residents: 1000000000}}", "residents"),
        ("calendar: {start: 20260302}", "no date"),
        ("calendar: {start: 9999-12-31}", "1900 to 2200"),
        ("calendar: {zone: ../../etc/passwd}", "no such time zone"),
        ("parameters: {patrol.speed_kmh: 1.0e+12}", "not possible"),
        ("types: {leak: {stages: [{name: x, touch_min: {weibull: {shape: 0.001, mean: 5}}}]}}", "0.05 to 1000"),
        ("types: {leak: {rate_per_1000_year: 1.0e+9}}", "rate_per_1000_year"),
    ],
    ids=lambda text: text[:40],
)
def test_a_field_beyond_bounds_is_refused(change, said, tmp_path):
    file = tmp_path / "big.yaml"
    kept = [line for line in BIG.splitlines() if line.partition(":")[0] != change.partition(":")[0]]
    file.write_text("\n".join([*kept, change]), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        made = load(file)
        made.city_spec()
        made.spec()
    assert said in caught.value.sentence()


def test_bare_cities_are_bounded_before_their_travel_is_computed():
    places = "[" + ", ".join(["[0, 0]"] * 20_000) + "]"
    tree = parse_yaml(f"name: b\ntitle: {{en: b, zh: b}}\nbare: true\ncity: {{bare: {{places: {places}}}}}", "b.yaml")
    from scenarios.schema import Scenario

    with pytest.raises(InputError, match="at most 2000 entries"):
        Scenario.from_tree(tree).city_spec()


def test_a_forecast_grows_with_what_asks_for_it_and_names_it():
    scenario = load("whistle-vs-referral")
    small = forecast(scenario, runs=60, workers=2)
    assert 500 < small.memory_mb < 2000 and small.seconds < 600
    large = scenario.with_changes({"city": {"synthetic": {"residents": 20_000_000}}, "horizon_days": 3000})
    made = forecast(large, runs=60)
    assert made.residents == 20_000_000 and made.memory_mb > 100 * small.memory_mb
    with pytest.raises(InputError, match=r"this would take about .* GB of memory") as caught:
        affordable(made, Allowance(8000, 86_400), large)
    assert caught.value.field is not None and "--anyway" in str(caught.value.allowed)
    affordable(small, Allowance(8000, 86_400), scenario)


def test_a_forecast_of_the_shipped_scenarios_is_within_three_times_what_was_measured():
    district = load("ordinary-district").with_changes({"horizon_days": 365})
    made = forecast(district)
    assert 110_000 / 2 < made.incidents < 110_000 * 2  # measured: 110,140 incidents and 851 people at work
    assert 851 / 2 < made.staff < 851 * 2
    load_factor = forecasts.pace.measured().load
    assert 0.3 < made.run_s / load_factor < 3.0, "measured: 1.03 s"


def test_a_city_that_is_too_large_is_refused_before_it_is_built():
    spec = CitySpec.model_validate({"synthetic": {"residents": 20_000_000, "max_places": 20_000}})
    with pytest.raises(InputError, match="this would take about"):
        city_affordable(spec, Allowance(4000, 86_400))


def test_the_command_line_refuses_with_the_forecast_and_goes_on_when_told_to(tmp_path, monkeypatch):
    monkeypatch.setattr(forecasts, "machine_memory_mb", lambda: 100.0)
    given = ["run", "bare-line", "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(gridwhistle.app, given)
    assert refused.exit_code == 2 and "GB of memory" in refused.output and not (tmp_path / "out").exists()
    again = CliRunner().invoke(
        gridwhistle.app, ["city", "build", "--residents", "3000", "--out", str(tmp_path / "city")]
    )
    assert again.exit_code == 2 and not (tmp_path / "city").exists()
    done = CliRunner().invoke(gridwhistle.app, [*given, "--anyway", "-n", "2", "-w", "1"])
    assert done.exit_code == 0, done.output


def test_an_upload_is_refused_with_the_forecast(tmp_path):
    text = BIG + "horizon_days: 36000\ncity: {synthetic: {residents: 20000000}}\n"
    with pytest.raises(InputError, match="this would take about") as caught:
        take(text.encode(), "big.yaml", tmp_path)
    assert "--anyway" not in caught.value.sentence() and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["/", "..", "library", "../../etc/passwd", "n" * 80, "$GRIDWHISTLE_SHARED/x"])
def test_a_city_may_be_called_like_a_path(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "library").mkdir()
    scenario = load("ordinary-district").with_changes({"city": {"synthetic": {"residents": 2000, "name": name}}})
    assert city_of(scenario).name == name
    child = tmp_path / "deep" / "child.yaml"
    child.parent.mkdir()
    (tmp_path / "parent.yaml").write_text(
        f"name: p\ntitle: {{en: p, zh: p}}\nextends: ordinary-district\ncity: {{synthetic: {{name: '{name}'}}}}",
        "utf-8",
    )
    child.write_text("name: c\ntitle: {en: c, zh: c}\nextends: ../parent.yaml\n", "utf-8")
    assert load(child).city["synthetic"]["name"] == name


@pytest.mark.parametrize("given", [["compare", "n" * 400], ["export", "n" * 400], ["city", "show", "n" * 400],
                                   ["compare", "bare-line", "--city", "n" * 400]])  # fmt: skip
def test_a_name_that_no_file_can_have_is_one_sentence(given):
    done = CliRunner().invoke(gridwhistle.app, given)
    assert done.exit_code == 2 and "Traceback" not in done.output and done.exception.__class__ is SystemExit


def test_library_show_foretells_what_the_comparison_takes(tmp_path, monkeypatch):
    def shown(name: str, *more: str) -> Any:
        done = CliRunner().invoke(gridwhistle.app, ["library", "show", name, *more])
        assert done.exit_code == 0, done.output
        return done

    foretold = json.loads(shown("whistle-vs-referral", "--json").stdout)["forecast"]
    assert foretold["runs"] == 60 and foretold["residents"] == 100_000 and 500 < foretold["memory_mb"] < 2000
    assert foretold["seconds"] > foretold["run_s"] > 0
    for lang, said in (("en", "what it takes"), ("zh", "所需")):
        assert said in shown("whistle-vs-referral", "--lang", lang).stdout
    unread = json.loads(shown("edmonton-ems", "--json").stdout)["forecast"]  # its residents stand in its files
    assert unread["runs"] and (unread["seconds"] is None) == (unread["residents"] is None)

    build = ["city", "build", "--residents", "2500", "--out", str(tmp_path / "town")]
    assert CliRunner().invoke(gridwhistle.app, build).exit_code == 0
    text = "name: mine\ntitle: {en: M, zh: 我}\nextends: ordinary-district\ncity: {path: town}\nhorizon_days: 9\n"
    (tmp_path / "mine.yaml").write_text(text + "warm_up_days: 1\ncool_down_days: 1\n", encoding="utf-8")
    saved = json.loads(shown(str(tmp_path / "mine.yaml"), "--json").stdout)["forecast"]
    assert saved["residents"] == 2500 and saved["incidents"] > 10

    monkeypatch.setattr(forecasts, "machine_memory_mb", lambda: 100.0)
    small = shown("whistle-vs-referral", "--json")
    assert any("GB of memory" in one for one in json.loads(small.stdout)["warnings"]) and "warning" in small.stderr
