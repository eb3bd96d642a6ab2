"""Charts draw exactly what their tables hold, and what they hold is what the data say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from report_sample import ARM, BASELINE, HORIZON_MIN, MEASURES, cases, comparisons, hours, incidents, runs, staff

from dashboards.charts.base import GRID_LINE, PALETTE, PLOTLY_CONFIG, Chart, contrast, figure, marks
from dashboards.charts.cost import cost_and_effect
from dashboards.charts.flow import case_flow
from dashboards.charts.forest import difference_forest
from dashboards.charts.load import load_by_hour
from dashboards.charts.resolution import resolution_curves
from dashboards.charts.truth import true_and_reported, truth_pairs
from dashboards.charts.workload import workload

ARMS = [BASELINE, ARM]


def traces(chart: Chart, **meta: object) -> list[go.BaseTraceType]:
    """Traces whose meta holds all the given values."""
    return [t for t in chart.figure.data if t.meta and all(t.meta.get(k) == v for k, v in meta.items())]


def test_forest_draws_difference_and_interval_in_percent_of_the_baseline():
    table = comparisons(runs())
    chart = difference_forest(table, MEASURES)
    row = table.set_index("metric").loc["true_resolution_days"]
    line = traces(chart, metric="true_resolution_days", part="interval")[0]
    scale = 100 / row["mean_baseline"]
    assert list(line.x) == pytest.approx([row["low"] * scale, row["high"] * scale])
    dot = next(t for t in traces(chart, part="dots", state="true"))
    assert dot.x[0] == pytest.approx(row["difference"] * scale)
    assert line.x[0] < dot.x[0] < line.x[1] < 0


def test_forest_marks_true_and_reported_by_symbol_not_by_colour_alone():
    chart = difference_forest(comparisons(runs()), MEASURES)
    symbols = {t.meta["state"]: t.marker.symbol for t in traces(chart, part="dots")}
    assert len(set(symbols.values())) == len(symbols) == 3


def test_forest_names_what_it_cannot_draw():
    chart = difference_forest(comparisons(runs()), MEASURES)
    assert "evacuations" in chart.description.lower()
    assert chart.table["metric"].tolist() == list(MEASURES)


def test_forest_title_counts_verdicts():
    title = difference_forest(comparisons(runs()), MEASURES).title
    assert title.startswith("whistle against referral") and "5 measures: 2 better; 1 worse; 2 undecided" in title


def test_swapped_arms_turn_every_sign():
    table = comparisons(runs())
    swapped = table.assign(difference=-table["difference"], low=-table["high"], high=-table["low"])
    first, second = difference_forest(table, MEASURES), difference_forest(swapped, MEASURES)
    one, two = (traces(c, part="dots", state="true")[0].x for c in (first, second))
    assert np.array(one) == pytest.approx(-np.array(two)) and abs(one[0]) > 1


def test_forest_shows_an_interval_beyond_the_axis_as_an_arrow():
    table = comparisons(runs()).iloc[[0]].assign(low=-40.0, high=20.0)
    line = traces(difference_forest(table, MEASURES), part="interval")[0]
    assert list(line.marker.symbol) == ["triangle-left", "triangle-right"]


def test_resolution_curve_meets_the_exponential_law():
    chart = resolution_curves(incidents(), ARMS, HORIZON_MIN)
    for arm, days in ((BASELINE, 2.0), (ARM, 1.0)):
        part = chart.table[chart.table["policy"] == arm]
        expected = 1 - np.exp(-part["minutes"] / (1440 * days))
        # About 1,500 incidents: a standard error of 0.013 at most.
        assert np.abs(part["share"] - expected).max() < 0.045
    drawn = traces(chart, policy=ARM, part="curve")[0]
    assert list(drawn.y) == pytest.approx(chart.table.loc[chart.table["policy"] == ARM, "share"].round(5).tolist())


def test_resolution_median_is_named_for_the_right_arm():
    title = resolution_curves(incidents(), ARMS, HORIZON_MIN).title
    median = {arm: float(title.split(f"{arm} within ")[1].split()[0]) for arm in ARMS}
    hours = {BASELINE: 2 * 24 * np.log(2), ARM: 24 * np.log(2)}
    assert median[ARM] == pytest.approx(hours[ARM], rel=0.15)
    assert median[BASELINE] == pytest.approx(hours[BASELINE], rel=0.15)


def test_resolution_follows_the_cohort_only():
    frame = incidents()
    outside = frame[~frame["in_cohort"]].index
    changed = frame.copy()
    changed.loc[outside, ["resolved_min", "ended_min"]] = np.nan
    before, after = (resolution_curves(f, ARMS, HORIZON_MIN).table for f in (frame, changed))
    pd.testing.assert_frame_equal(before, after)


def test_true_and_reported_bars_equal_the_means():
    frame = runs()
    chart = true_and_reported(frame, ARMS, MEASURES)
    assert chart is not None
    bar = next(t for t in traces(chart, policy=ARM) if t.type == "bar")
    of_arm = frame[frame["policy"] == ARM]
    expected = [100 * of_arm[c].mean() for c in ("true_resolution_share", "reported_resolution_share")]
    assert list(bar.y) == pytest.approx(expected)
    assert list(bar.marker.pattern.shape) == ["", "/"]


def test_truth_pairs_by_name():
    assert truth_pairs(["reported_resolution_days", "true_resolution_days", "true_x", "reported_x", "y"]) == [
        ("true_resolution_days", "reported_resolution_days"),
        ("true_x", "reported_x"),
    ]
    assert true_and_reported(runs()[["policy", "replication", "evacuations"]], ARMS, MEASURES) is None


def test_cost_plane_pairs_by_replication_whatever_the_order():
    frame = runs()
    expected = (
        frame.pivot(index="replication", columns="policy", values="cost_yuan_per_resolved")
        .pipe(lambda w: w[ARM] - w[BASELINE])
    )  # fmt: skip
    shuffled = frame.sample(frac=1, random_state=3)
    chart = cost_and_effect(shuffled, ARMS, "cost_yuan_per_resolved", "true_resolution_days", MEASURES)
    found = chart.table.set_index("replication")["cost"].sort_index()
    assert found.tolist() == pytest.approx(expected.tolist())
    mean = traces(chart, policy=ARM, part="mean")[0]
    assert mean.y[0] == pytest.approx(expected.mean()) and mean.x[0] < 0
    assert "better and costs more" in chart.title


def test_flow_counts_cases_per_replication_and_tells_paper_from_truth():
    table = case_flow(cases(), ARMS).table
    last = table[(table["policy"] == ARM) & (table["stage"] == "closed>outcome")]
    per_outcome = last.groupby("target")["cases"].sum()
    assert per_outcome.to_dict() == {"settled": 1, "settled_untrue": 1, "failed": 1, "open": 1}
    for stage, part in table[table["policy"] == ARM].groupby("stage"):
        assert part["cases"].sum() == 4, stage
    link = last[last["target"] == "settled_untrue"].iloc[0]
    assert link["source"] == "police" and link["median_days"] == 2.0


def test_flow_links_equal_the_table():
    chart = case_flow(cases(), [ARM])
    link = chart.figure.data[0].link
    assert sum(link.value) == pytest.approx(chart.table["cases"].sum())
    assert len(link.source) == len(chart.table)


def test_load_is_case_minutes_over_the_minutes_on_duty_of_that_hour():
    table = load_by_hour(hours(), ARMS).table
    mine = table[table["policy"] == ARM].set_index(["group", "hour"])["busy_share"]
    assert mine["grid_member", 10] == pytest.approx(0.25), "delegated work is not counted"
    assert np.isnan(mine["grid_member", 3]) and np.isnan(mine["grid_member", 18]), "nobody on duty: empty"
    assert mine["ambulance", 3] == pytest.approx(1.1), "work after duty may go beyond"
    assert mine["ambulance", 4] == pytest.approx(0.05)


def test_load_keeps_every_minute_and_draws_empty_cells_empty():
    chart, one = load_by_hour(hours(), ARMS), hours()
    one = one[(one["policy"] == ARM) & (one["replication"] == 0)]
    table = chart.table[chart.table["policy"] == ARM]
    for column in ("busy_min", "background_min", "on_duty_min"):
        expected = one.groupby("post")[column].sum()
        assert table.groupby("group")[column].sum().to_dict() == pytest.approx(expected.to_dict())
    drawn = chart.figure.data[0]
    row = list(drawn.z[1 if drawn.z[0][3] else 0])
    assert row[3] is None and drawn.text[1 if drawn.z[0][3] else 0][3] == ""
    assert "110%" in chart.title.replace(" ", "")


def test_workload_gini_and_ends():
    table = workload(staff(), ARMS).table
    mine = table[table["policy"] == ARM]
    assert mine["gini"].iloc[0] == pytest.approx(0.25)
    assert mine["busy_share"].iloc[0] == pytest.approx(0.101) and mine["busy_share"].iloc[-1] == pytest.approx(0.299)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_chart_brings_words_and_table(lang):
    table = comparisons(runs())
    for chart in (
        difference_forest(table, MEASURES, lang, runs()),
        resolution_curves(incidents(), ARMS, HORIZON_MIN, lang, 4320.0),
        true_and_reported(runs(), ARMS, MEASURES, lang),
        cost_and_effect(runs(), ARMS, "cost_yuan_per_resolved", "true_resolution_days", MEASURES, lang),
        case_flow(cases(), ARMS, lang),
        load_by_hour(hours(), ARMS, lang),
        workload(staff(), ARMS, lang),
    ):
        assert chart is not None
        assert chart.title and chart.sentence and chart.description and len(chart.table)
        assert "{" not in chart.title + chart.sentence + chart.description
        assert chart.figure.layout.title.text is None and chart.titled().layout.title.text


def test_marks_differ_in_colour_symbol_and_stand_out_on_white():
    drawn = marks([f"arm {i}" for i in range(len(PALETTE))])
    assert len({m.color for m in drawn.values()}) == len({m.symbol for m in drawn.values()}) == len(PALETTE)
    assert all(contrast(m.color) >= 3.0 for m in drawn.values())
    assert contrast("#000000") == pytest.approx(21.0) and contrast("#767676") == pytest.approx(4.54, abs=0.01)
    with pytest.raises(ValueError, match="told apart"):
        marks([str(i) for i in range(8)])


@pytest.mark.parametrize("trace", [go.Scattergl(x=[1], y=[1]), go.Scattermap(lat=[1], lon=[1]), go.Scattergeo()])
def test_traces_that_need_webgl_or_the_network_are_refused(trace):
    with pytest.raises(ValueError, match="WebGL or the network"):
        figure([trace], height_px=100)


def test_config_sends_nothing_anywhere():
    assert PLOTLY_CONFIG["displaylogo"] is False and PLOTLY_CONFIG["showSendToCloud"] is False
    assert PLOTLY_CONFIG["plotlyServerURL"] == ""


def test_later_axes_get_the_house_style_too():
    drawn = figure([go.Scatter(x=[1], y=[1])], height_px=100, layout={"xaxis2": {"title": {"text": "x"}}})
    assert drawn.layout.xaxis2.gridcolor == GRID_LINE and drawn.layout.xaxis2.title.text == "x"


def test_user_text_in_arm_names_is_escaped():
    evil = "<b onmouseover=x>&"
    frame = staff().replace({"policy": {ARM: evil}})
    chart = workload(frame, [BASELINE, evil])
    assert "&lt;b onmouseover=x&gt;&amp;" in chart.figure.data[1].name and evil in chart.title
