"""The benchmarks: their statistics are right, both sides of each comparison are the same model, every figure runs."""

import json
import math
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import GROUPS, app
from benchmarks.bare_loop import CUSTOMER, SERVERS, UTILISATION, mmc
from benchmarks.figures import EDMONTON, ENGINE, Bar, number, verdicts
from benchmarks.statistics import exponent, median_interval, variance_ratio, z_score

PROMISED = (
    "ratio_to_bare_loop", "ratio_to_simpy", "ratio_to_simpy_queue", "district_month_s", "million_year_s",
    "million_year_gb", "million_year_incidents", "million_year_events", "growth_exponent", "compile_s",
    "second_start_s", "pairing_ratio_protocol", "pairing_ratio_unit",
)  # fmt: skip


def test_every_promised_figure_is_measured_and_has_a_bar():
    measured = {key for keys in GROUPS for key in keys}
    assert set(PROMISED) <= measured
    assert set(PROMISED) <= {bar.key for bar in ENGINE}
    assert {bar.key for bar in ENGINE} <= measured
    assert len({bar.key for bar in EDMONTON}) == len(EDMONTON)


@pytest.mark.parametrize(
    ("bar", "measured", "reached"),
    [
        (Bar("a", "", "at least", 10.0), {"a": 10.0}, True),
        (Bar("a", "", "at least", 10.0), {"a": 9.99}, False),
        (Bar("a", "", "at most", 0.3), {"a": 0.31}, False),
        (Bar("a", "", "at least", 1.5, "a_low"), {"a": 9.0, "a_low": 1.4}, False),
        (Bar("a", "", "at least", 1.5), {"a": math.nan}, None),
        (Bar("a", "", "at least", 1.5), {"a": math.inf}, True),
    ],
)
def test_a_verdict_holds_the_judged_number_against_the_bar(bar, measured, reached):
    assert bar.reached(measured) is reached
    assert verdicts((bar,), measured)[0]["reached"] is reached


def test_only_measured_figures_get_a_verdict():
    assert [row["key"] for row in verdicts(ENGINE, {"district_month_s": 0.2})] == ["district_month_s"]


@pytest.mark.parametrize(
    ("value", "text"), [(1234567, "1,234,567"), (8e6, "8,000,000"), (0.123456, "0.1235"), (0.0, "0")]
)
def test_numbers_are_shown_short(value, text):
    assert number(value) == text


def test_pairing_is_worth_what_its_correlation_says():
    rng = np.random.default_rng(5)
    shared, a, b = rng.normal(size=(3, 2000))
    # Var A = Var B = 2, Var(A - B) = 2: the exact ratio is 2
    value, low, high = variance_ratio(shared + a, shared + b)
    assert low < 2.0 < high
    assert high - low < 0.5 and low < value < high


def test_independent_arms_gain_nothing_and_equal_arms_everything():
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(2, 2000))
    value, low, high = variance_ratio(a, b)
    assert low < 1.0 < high and abs(value - 1.0) < 0.1
    assert variance_ratio(a, a) == (math.inf, math.inf, math.inf)


def test_pairs_without_a_value_are_left_out():
    a, b = np.array([1.0, 2.0, np.nan, 4.0, 7.0]), np.array([2.0, 1.0, 5.0, 3.0, np.nan])
    kept = [0, 1, 3]
    assert variance_ratio(a, b) == variance_ratio(a[kept], b[kept])
    assert math.isnan(variance_ratio(a[:2], b[:2])[0])


def test_medians_and_exponents_of_known_series():
    assert median_interval([3.0]) == (3.0, 3.0, 3.0)
    value, low, high = median_interval([1.0, 2.0, 3.0, 4.0, 100.0])
    assert value == 3.0 and 1.0 <= low <= 3.0 <= high <= 100.0
    n = [1e4, 3e4, 1e5]
    slope, low, high = exponent(n, [2e-6 * k**1.25 for k in n])
    assert slope == pytest.approx(1.25) and low <= 1.25 + 1e-9 and high >= 1.25 - 1e-9


def test_z_of_equal_and_of_shifted_samples():
    assert z_score([1.0, 1.0], [1.0, 1.0]) == 0.0
    assert z_score([1.0, 1.0], [2.0, 2.0]) == -math.inf
    # t = -4 / sqrt(2) with 2 degrees of freedom has a tail of 0.052786, as z = -1.61842 has
    assert z_score([0.0, 2.0], [4.0, 6.0]) == pytest.approx(-1.61842, abs=1e-5)


def test_the_bare_loop_is_an_mm10_queue_with_whole_records():
    waits = []
    for seed in range(1, 21):
        table = np.zeros(100_000, CUSTOMER)
        events = mmc(table, SERVERS, UTILISATION * SERVERS, 1.0, np.uint64(seed * 7919))
        assert events == 200_000
        assert (table["started"] >= table["arrived"]).all() and (table["ended"] > table["started"]).all()
        assert (np.diff(table["arrived"]) > 0).all()
        waits.append((table["started"] - table["arrived"]).mean())
    # Erlang C(10, 9) = 0.66873: mean wait C / (10 - 9) in service times
    assert abs(np.mean(waits) - 0.66873) < 3.3 * np.std(waits, ddof=1) / math.sqrt(len(waits))
    assert np.std(waits, ddof=1) / math.sqrt(len(waits)) < 0.02


def test_no_server_of_the_bare_loop_serves_two_at_once():
    table = np.zeros(20_000, CUSTOMER)
    mmc(table, 3, 2.7, 1.0, np.uint64(11))
    for server in range(3):
        mine = np.sort(table[table["server"] == server], order="started")
        assert (mine["started"][1:] >= mine["ended"][:-1]).all()
    assert (np.diff(table["started"]) >= 0).all()  # first come, first served


def test_the_reduced_district_agrees_with_its_second_writing_in_simpy():
    pytest.importorskip("simpy", reason="the extra 'bench' is not installed")
    from scipy import stats

    from benchmarks.simpy_ratio import engine_run, prepared, simpy_run

    arm = prepared(8.0, 20_000)
    ours = [engine_run(arm, k)[2] for k in range(40)]
    theirs = [simpy_run(arm, 100 + k)[2] for k in range(12)]
    z = {name: z_score([m[name] for m in ours], [m[name] for m in theirs]) for name in ours[0]}
    # 17 measures tested together at one in a thousand
    assert max(abs(v) for v in z.values()) < stats.norm.isf(0.0005 / len(z)), z
    late = [{name: value * 1.4 for name, value in m.items()} for m in theirs]
    wrong = [abs(z_score([m[n] for m in ours], [m[n] for m in late])) for n in ours[0]]
    assert max(wrong) > stats.norm.isf(0.0005 / len(z))


def test_the_simple_queue_agrees_with_simpy_and_erlang():
    pytest.importorskip("simpy", reason="the extra 'bench' is not installed")
    from benchmarks.simpy_queue import SERVICE_MIN, engine_run, prepared, simpy_run

    arm = prepared(20.0)
    ours = [engine_run(arm, k)[2] for k in range(40)]
    theirs = [simpy_run(20.0, 50 + k)[2] for k in range(10)]
    for name in ours[0]:
        assert abs(z_score([m[name] for m in ours], [m[name] for m in theirs])) < 3.7
    served = [m["in_service_min"] for m in ours]
    assert abs(np.mean(served) - SERVICE_MIN) < 3.7 * np.std(served, ddof=1) / math.sqrt(len(served))


def test_the_command_measures_writes_and_judges(tmp_path):
    file = tmp_path / "figures.json"
    keys = "district_month_s,identical_arms_difference,ratio_to_bare_loop"
    done = CliRunner().invoke(app, ["engine", "--quick", "--only", keys, "--json", str(file)])
    assert done.exit_code == 0, done.output
    found = json.loads(file.read_text())
    assert found["identical_arms_difference"] == 0.0
    assert found["district_month_s_low"] <= found["district_month_s"] <= found["district_month_s_high"]
    assert found["ratio_to_bare_loop"] > 0
    assert {row["key"] for row in found["table"]} == set(keys.split(","))
    assert found["machine"]["cores"] >= 1 and re.match(r"3\.", found["versions"]["python"])
    assert [p.name for p in tmp_path.iterdir()] == ["figures.json"]


def test_an_unknown_figure_is_refused_with_the_known_ones():
    done = CliRunner().invoke(app, ["engine", "--only", "speed"])
    assert done.exit_code == 2
    assert "speed" in done.output and "district_month_s" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("keys", [keys[0] for keys in GROUPS])
def test_every_figure_can_be_measured(keys, tmp_path):
    if keys in ("ratio_to_simpy", "ratio_to_simpy_queue"):
        pytest.importorskip("simpy", reason="the extra 'bench' is not installed")
    key = "second_start_s" if keys == "compile_s" else keys  # compiling cannot be made short
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(app, ["engine", "--quick", "--only", key, "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert key in json.loads(file.read_text())


def test_an_unknown_commit_is_one_sentence():
    done = CliRunner().invoke(app, ["in-turn", "--base", "no-such-commit"])
    assert done.exit_code == 2 and "git knows no such commit" in done.output and "Traceback" not in done.output
