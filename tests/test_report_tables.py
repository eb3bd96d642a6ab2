"""Tables of a report: heads beside the cells they belong to, days by name, dates and sentences wide enough to read."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from dashboards.report.html import cell, data_table, table
from dashboards.texts import Texts


def test_a_cell_that_spans_several_columns_moves_the_heads_of_those_behind_it():
    head = ["criterion", "state", "value", "points"]
    made = table(head, [['<th scope="row" colspan="3">all</th>', "92"], ["first", "true", "9 min", "100"]])
    assert re.findall(r'data-head="(\w+)">([^<]+)<', made) == [
        ("points", "92"), ("criterion", "first"), ("state", "true"), ("value", "9 min"), ("points", "100"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "kind"),
    [("2026-07-17", ' class="when"'), ("周一", ""), ("command centre", ""),
     ("派谁去？街道综治中心，第141号案件：欠薪聚集", ' class="said"'),
     ("Whom do you send? Police patrol unit for case 141: Brawl", ' class="said"')],
)  # fmt: skip
def test_dates_stay_whole_and_sentences_keep_a_width(value, kind):
    assert cell(value) == f"<td{kind}>{value}</td>"


@pytest.mark.parametrize(("lang", "first", "last"), [("en", "Mon", "Sun"), ("zh", "周一", "周日")])
def test_days_of_the_week_stand_by_their_names(lang, first, last):
    shown = data_table(pd.DataFrame({"weekday": range(7), "observed": [1.0] * 7}), Texts(lang), "x")
    days = re.findall(r"<td data-head=[^>]*>([^<]+)<", shown)
    assert days[0] == first and days[-1] == last and len(days) == 7
