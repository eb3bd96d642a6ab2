"""Names, bars and verdicts of the figures, and the table that shows them. How each is measured is its own module."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

Value = float | int | str | bool | dict[str, Any] | list[Any]
Measured = dict[str, Value]
"""What a module hands back: figures by key, with ``<key>_low``/``<key>_high`` and whatever explains them."""


@dataclass(frozen=True)
class Bar:
    """What a figure must reach.

    Parameters
    ----------
    key
        Key of the figure in the JSON.
    what
        In words, with the unit.
    sense
        Whether more or less is better.
    bar
        Least or greatest value allowed.
    judged
        Key that is held against the bar, when it is not ``key`` itself (a lower bound, say).
    """

    key: str
    what: str
    sense: Literal["at least", "at most"]
    bar: float
    judged: str | None = None

    def reached(self, measured: Measured) -> bool | None:
        """Return whether the bar is reached; None when the figure was not measured."""
        value = measured.get(self.judged or self.key)
        if not isinstance(value, int | float) or math.isnan(value):
            return None
        return value >= self.bar if self.sense == "at least" else value <= self.bar


ENGINE = (
    Bar("ratio_to_bare_loop", "events per second against a bare M/M/10 loop", "at least", 0.15),
    Bar("ratio_to_simpy", "cases per second against SimPy, the reduced district", "at least", 10.0),
    Bar("ratio_to_simpy_queue", "customers per second against SimPy, M/M/10", "at least", 50.0),
    Bar("simpy_largest_z", "the same, largest |z| of the main measures", "at most", 3.3),
    Bar("district_month_s", "100,000 residents, 30 days, one replication (s)", "at most", 0.3),
    Bar("million_year_s", "1 million residents, 365 days, one core (s)", "at most", 20.0),
    Bar("million_year_gb", "the same, peak memory (GB)", "at most", 3.0),
    Bar("million_year_incidents", "the same, incidents", "at least", 0.7e6),
    Bar("million_year_events", "the same, events", "at least", 8e6),
    Bar("growth_exponent", "exponent of time / log n in n cases", "at most", 1.0, "growth_exponent_low"),
    Bar("compile_s", "compiling from nothing, first small run included (s)", "at most", 60.0),
    Bar("second_start_s", "the same command again (s)", "at most", 3.0),
    Bar(
        "pairing_ratio_protocol", "variance bought by pairing, whistle against referral", "at least", 1.5,
        "pairing_ratio_protocol_low",
    ),
    Bar(
        "pairing_ratio_unit", "variance bought by pairing, one more unit", "at least", 6.0, "pairing_ratio_unit_low"
    ),
    Bar("identical_arms_difference", "largest difference of identical arms", "at most", 0.0),
)  # fmt: skip

EDMONTON = (
    Bar("edmonton_s", "30 days, 2 arms x 30 replications, reading and routing included (s)", "at most", 600.0),
    Bar("edmonton_gb", "the same, peak memory of all processes (GB)", "at most", 2.0),
    Bar("edmonton_static_mean_error_min", "static mean time off the published 5.238 min", "at most", 0.0005),
    Bar("edmonton_static_share_error", "static share covered off the published 83.2 %", "at most", 0.0005),
)

CAMPAIGN = (
    Bar("campaign_overhead_ms", "campaign overhead of a run, store included, one or two workers (ms)", "at most", 1.0),
    Bar("campaign_growth_mb", "growth of the parent's memory over 90,000 runs (MB)", "at most", 10.0),
    Bar("two_workers_spin", "two workers against one, runs that spin for 50 ms", "at least", 1.6),
    Bar("two_workers_model", "two workers against one, runs of the model of about 50 ms", "at least", 1.6),
)

SOBOL = (
    Bar("sobol_level_s", "Sobol 256 x (8 + 2 + dummy) rows x 2, 20,000 residents, 14 days, one policy (s)",
        "at most", 300.0),
    Bar("sobol_effect_s", "the same for the difference between two policies, twice the runs (s)", "at most", 300.0),
)  # fmt: skip


def verdicts(bars: tuple[Bar, ...], measured: Measured) -> list[dict[str, Any]]:
    """Return one row per bar of what was measured: what, key, value, low, high, bar, reached."""
    rows = []
    for bar in bars:
        if bar.key in measured:
            rows.append({
                "what": bar.what, "key": bar.key, "value": measured[bar.key],
                "low": measured.get(f"{bar.key}_low"), "high": measured.get(f"{bar.key}_high"),
                "bar": f"{bar.sense} {bar.bar:g}", "judged": bar.judged or bar.key, "reached": bar.reached(measured),
            })  # fmt: skip
    return rows


def show(rows: list[dict[str, Any]], title: str, console: Console) -> None:
    """Print the table of verdicts."""
    table = Table(title=title, title_justify="left")
    for name in ("figure", "measured", "95 % interval", "bar", "reached"):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for row in rows:
        interval = "" if row["low"] is None else f"{number(row['low'])} to {number(row['high'])}"
        reached = {True: "yes", False: "no", None: "unknown"}[row["reached"]]
        colour = {True: "green", False: "red", None: "yellow"}[row["reached"]]
        table.add_row(row["what"], number(row["value"]), interval, row["bar"], f"[{colour}]{reached}[/{colour}]")
    console.print(table)


def number(value: Any) -> str:
    """Return a number with four significant digits, whole ones in full."""
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) >= 1000):
        return f"{value:,.0f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
